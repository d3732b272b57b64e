//! Names of plugins, which become names of files and folders.

/// How long a plugin's name may be.
const LIMIT: usize = 64;

/// Says that a text cannot be a plugin's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a plugin's name: expected a letter and then letters, digits, `-` and `_`, at most {LIMIT}",
    text.escape_debug()
)]
pub struct NameError {
    /// The start of the text.
    pub text: String,
}

/// Checks a plugin's name. What passes cannot leave the folder it is put into.
///
/// # Errors
/// When it is empty, too long, or has characters that a name does not have.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if well_formed && name.len() <= LIMIT {
        return Ok(());
    }
    Err(NameError {
        text: name.chars().take(LIMIT + 16).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for name in [
            "", ".", "..", "../aws", "a/b", "a\\b", "/aws", "aws\0", "a.b", "-aws", "_aws", "1aws", "aws\n",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"a".repeat(65)).is_err());
        for name in ["aws", "aws-components", "Aws_2", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }
}
