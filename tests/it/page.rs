//! The page as a visitor meets it.
