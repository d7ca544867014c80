//! Web driver: web-sys links, timers, worker pool, bridge to the page
