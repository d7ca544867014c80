//! Another site: one HTML page on a port of its own, from a thread of the test.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

/// Its origin, for as long as the test runs.
#[derive(Debug)]
pub struct Site {
    /// `http://…`, without a slash at its end.
    pub origin: String,
    html: Arc<Mutex<String>>,
}

impl Site {
    /// Starts a site whose page is empty until [`Site::show`].
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let html = Arc::new(Mutex::new(String::new()));
        let page = Arc::clone(&html);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // Whatever is asked for, the answer is the page; a request fits the buffer.
                let _ = stream.read(&mut [0; 8192]);
                let html = page.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
                let _ = write!(stream, "{head}content-length: {}\r\n\r\n{html}", html.len());
            }
        });
        Ok(Site { origin, html })
    }

    /// The page from now on.
    pub fn show(&self, html: String) {
        *self.html.lock().unwrap_or_else(PoisonError::into_inner) = html;
    }
}
