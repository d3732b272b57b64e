//! What was typed, option by option, so that it can be typed again in another process.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::Arguments;

/// The options of one command line: what was typed, and nothing that comes from a default or the environment.
///
/// Values that stand without an option are not kept: no command that is typed again has any.
#[derive(Debug, Default)]
pub struct Typed {
    /// The command and the commands below it.
    commands: Vec<OsString>,
    /// Every option with the identifier that clap knows it by.
    options: Vec<(String, OsString)>,
}

/// Reads a command line, whose first word is the program.
///
/// # Errors
/// When it cannot be understood; also when help was asked for, which is what clap makes of that.
pub fn parse<I, W>(line: I) -> Result<(Arguments, Typed), clap::Error>
where
    I: IntoIterator<Item = W>,
    W: Into<OsString> + Clone,
{
    let mut command = Arguments::command();
    let matches = command.try_get_matches_from_mut(line)?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    command.build();
    let mut typed = Typed::default();
    typed.read(&command, &matches);
    Ok((arguments, typed))
}

impl Typed {
    /// Returns the whole line again, without the options that are left out.
    pub fn line_without(&self, left_out: &[&str]) -> Vec<OsString> {
        let mut line = self.commands.clone();
        line.extend(self.options_without(left_out));
        line
    }

    /// Returns what stands behind the command, without the options that are left out.
    pub fn options_without(&self, left_out: &[&str]) -> Vec<OsString> {
        let kept = self
            .options
            .iter()
            .filter(|(id, _)| !left_out.contains(&id.as_str()));
        kept.map(|(_, word)| word.clone()).collect()
    }

    /// Returns which of these options were typed, as they are written, in the order in which they are asked for.
    pub fn which(&self, asked: &[&str]) -> Vec<String> {
        let written = asked.iter().filter_map(|asked| {
            let (_, word) = self.options.iter().find(|(id, _)| id == asked)?;
            let word = word.to_string_lossy();
            Some(word.split('=').next().unwrap_or_default().to_owned())
        });
        written.collect()
    }

    fn read(&mut self, command: &clap::Command, matches: &ArgMatches) {
        if let Some((name, below)) = matches.subcommand()
            && let Some(found) = command.find_subcommand(name)
        {
            // What every command understands is among the options of the innermost one too.
            self.commands.push(name.into());
            return self.read(found, below);
        }
        for option in command.get_arguments() {
            let id = option.get_id().as_str();
            if matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let Some(name) = option.get_long() else {
                continue;
            };
            let mut push = |value: Option<&std::ffi::OsStr>| {
                let mut word = OsString::from(format!("--{name}"));
                if let Some(value) = value {
                    word.push("=");
                    word.push(value);
                }
                self.options.push((id.to_owned(), word));
            };
            match option.get_action() {
                ArgAction::Count => (0..matches.get_count(id)).for_each(|_| push(None)),
                action if !action.takes_values() => push(None),
                _ => {
                    for occurrence in matches.get_raw_occurrences(id).into_iter().flatten() {
                        let mut values = occurrence.peekable();
                        if values.peek().is_none() {
                            push(None);
                        }
                        values.for_each(|value| push(Some(value)));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        parse(std::iter::once("konductor").chain(line.split(' ')))
            .unwrap_or_else(|error| panic!("{error}"))
            .1
    }

    #[test]
    fn a_line_is_typed_again_without_what_is_left_out() {
        let given = typed("-C shop -vv run --all -y --stacks-at-once 3 --set a=b --set=c=d -p 8 --json");
        let again = given.line_without(&["all", "stacks_at_once"]);
        assert_eq!(
            again,
            [
                "run",
                "--yes",
                "--parallelism=8",
                "--directory=shop",
                "--set=a=b",
                "--set=c=d",
                "--json",
                "--verbose",
                "--verbose",
            ]
        );
        let options =
            given.options_without(&["all", "stacks_at_once", "directory", "set", "json", "verbose"]);
        assert_eq!(options, ["--yes", "--parallelism=8"]);
    }

    #[test]
    fn what_is_typed_again_means_the_same() {
        for line in [
            "run --target=a --target b --exclude c --refresh changed --refresh-age 2d --yes",
            "plan --destroy --no-refresh --detailed-exitcode --locked",
            "plan --locked=false --refresh=none --replace x",
            "drift --unmanaged --severity high",
            "drift --unmanaged a:b:C d:e:F --json",
            "watch --once --json",
        ] {
            let (first, given) = parse(std::iter::once("konductor").chain(line.split(' ')))
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            let again = std::iter::once("konductor".into()).chain(given.line_without(&[]));
            let (second, _) = parse(again).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(format!("{first:?}"), format!("{second:?}"), "{line}");
        }
    }

    #[test]
    fn defaults_were_not_typed_and_what_was_is_named_as_it_is_written() {
        let given = typed("--simulate run --set a=b");
        assert_eq!(
            given.which(&["set", "policy", "simulate"]),
            ["--set", "--simulate"]
        );
        assert_eq!(given.which(&["parallelism", "color"]), Vec::<String>::new());
    }
}
