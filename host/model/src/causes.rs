//! What an error says together with what caused it.

use std::error::Error;

/// Returns an error's message and those of its sources on one line, leaving out a message that an outer one repeats.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|inner| inner as _)
        }
    }

    #[test]
    fn every_cause_is_told_once() {
        let root = Layer("connection refused", None);
        let repeated = Layer("tcp: connection refused", Some(Box::new(root)));
        let outer = Layer("the queue cannot be reached", Some(Box::new(repeated)));
        assert_eq!(
            with_causes(&outer),
            "the queue cannot be reached: tcp: connection refused"
        );
    }
}
