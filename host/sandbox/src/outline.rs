//! What the bytes of a component say before anything of it is compiled: the names it imports and exports, and the
//! manifest that was packed into it.
//!
//! Only the outermost level is read; what is nested is stepped over. Whether that is well formed is the
//! compiler's to find out.

use wasmparser::{Chunk, Parser, Payload};

/// The name of the custom section that `konductor plugin pack` writes: the manifest, as JSON.
const MANIFEST_SECTION: &str = "konductor:manifest";
/// The most names a component may import and export. A plugin of every toolchain has below a hundred.
const MOST_NAMES: usize = 10_000;

/// The outline of a component.
#[derive(Debug, Default)]
pub(crate) struct Outline<'b> {
    pub(crate) imports: Vec<&'b str>,
    pub(crate) exports: Vec<&'b str>,
    pub(crate) manifest: Option<&'b [u8]>,
}

impl<'b> Outline<'b> {
    /// Reads the outline, or says what is wrong with the bytes.
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self, String> {
        let mut outline = Self::default();
        let mut parser = Parser::new(0);
        let mut position = 0;
        loop {
            let rest = bytes.get(position..).unwrap_or_default();
            let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(malformed)? else {
                return Err("it ends in the middle of a section".to_owned());
            };
            position += consumed;
            match payload {
                Payload::ModuleSection { unchecked_range, .. }
                | Payload::ComponentSection { unchecked_range, .. } => {
                    if unchecked_range.end > bytes.len() {
                        return Err("it ends in the middle of a section".to_owned());
                    }
                    position = unchecked_range.end;
                }
                Payload::ComponentImportSection(reader) => {
                    for import in reader {
                        outline.imports.push(import.map_err(malformed)?.name.name);
                    }
                }
                Payload::ComponentExportSection(reader) => {
                    for export in reader {
                        outline.exports.push(export.map_err(malformed)?.name.name);
                    }
                }
                Payload::CustomSection(section)
                    if section.name() == MANIFEST_SECTION
                        && outline.manifest.replace(section.data()).is_some() =>
                {
                    return Err(format!("it has two sections `{MANIFEST_SECTION}`; pack it again"));
                }
                Payload::End(_) => return Ok(outline),
                _ => {}
            }
            if outline.imports.len() + outline.exports.len() > MOST_NAMES {
                return Err(format!("it imports and exports more than {MOST_NAMES} names"));
            }
        }
    }
}

fn malformed(error: wasmparser::BinaryReaderError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends a custom section. The lengths must be below 128, which is one byte each.
    fn with_section(mut bytes: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(1 + name.len() + data.len()).unwrap();
        bytes.extend([0, length, u8::try_from(name.len()).unwrap()]);
        bytes.extend(name.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn component() -> Vec<u8> {
        wat::parse_str(
            r#"(component
                (core module (func) (@custom "konductor:manifest" "of a nested module"))
                (component $c (import "nested:import/a" (instance)))
                (import "wasi:http/types@0.2.0" (instance $i))
                (export "a:b/c@1.0.0" (instance $i)))"#,
        )
        .unwrap()
    }

    #[test]
    fn only_the_outermost_names_and_sections_count() {
        let bytes = component();
        let outline = Outline::read(&bytes).unwrap();
        assert_eq!(outline.imports, ["wasi:http/types@0.2.0"]);
        assert_eq!(outline.exports, ["a:b/c@1.0.0"]);
        assert_eq!(outline.manifest, None);
        let packed = with_section(component(), MANIFEST_SECTION, b"{}");
        assert_eq!(Outline::read(&packed).unwrap().manifest, Some(b"{}".as_slice()));
    }

    #[test]
    fn two_manifests_and_cut_bytes_are_refused() {
        let packed = with_section(component(), MANIFEST_SECTION, b"{}");
        let twice = with_section(packed.clone(), MANIFEST_SECTION, b"{}");
        assert!(Outline::read(&twice).unwrap_err().contains("two sections"));
        let mut refused = 0;
        for length in 8..packed.len() {
            // At the end of a section the rest is a component too.
            refused += usize::from(Outline::read(&packed[..length]).is_err());
        }
        assert!(refused > packed.len() / 2, "{refused}");
    }
}
