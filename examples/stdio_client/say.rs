//! Says a line on the standard output. When nobody reads it any more, as behind `| head`, the program
//! goes on to a good end all the same.

/// As `println!`, but for a reader that has gone.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        drop(writeln!(std::io::stdout(), $($text)*));
    }};
}
