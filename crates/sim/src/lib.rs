//! A deterministic world: virtual time, network and fault models, checkers, experiments
