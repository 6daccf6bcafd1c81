//! The header of a safetensors file: JSON that names each tensor, its type, shape and place.
//!
//! Read here rather than by the crate `safetensors`, whose map of names silently keeps the last of
//! two entries of the same name; that crate is the reference in the tests.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::Damage;

/// The most bytes a header may have: enough for some 100,000 tensors.
pub(super) const LIMIT: u64 = 16 << 20;

/// What stands in a header.
#[derive(Default)]
pub(super) struct Header {
    pub tensors: BTreeMap<String, Entry>,
    pub metadata: BTreeMap<String, String>,
}

/// Type, shape and place of a tensor. (The derive refuses a field that stands twice.)
#[derive(serde::Deserialize)]
pub(super) struct Entry {
    pub dtype: String,
    pub shape: Vec<usize>,
    /// Begin and end, in bytes after the header.
    pub data_offsets: (usize, usize),
}

/// The header's bytes and the tensors' bytes of a file.
pub(super) fn divide(file: &[u8]) -> Result<(&[u8], &[u8]), Damage> {
    let found = file.len() as u64;
    let Some((len, rest)) = file.split_first_chunk::<8>() else {
        return Err(Damage::Truncated { expected: 8, found });
    };
    let len = u64::from_le_bytes(*len);
    if len > LIMIT {
        return Err(Damage::HeaderLength { len });
    }
    rest.split_at_checked(len as usize).ok_or(Damage::Truncated { expected: 8 + len, found })
}

/// Understands a header.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, Damage> {
    // The format demands it, so that no file is two formats at once.
    if bytes.first() != Some(&b'{') {
        return Err(Damage::Header("it does not begin with `{`".into()));
    }
    serde_json::from_slice(bytes).map_err(|e| Damage::Header(e.to_string()))
}

/// The name under which the metadata stand among the tensors.
pub(super) const METADATA: &str = "__metadata__";

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut tensors, mut metadata) = (BTreeMap::new(), None);
                while let Some(name) = map.next_key::<String>()? {
                    let again = if name == METADATA {
                        metadata.replace(map.next_value::<Once<String>>()?.0).is_some()
                    } else {
                        tensors.insert(name.clone(), map.next_value::<Entry>()?).is_some()
                    };
                    if again {
                        return Err(A::Error::custom(format!("`{name}` stands twice")));
                    }
                }
                Ok(Header { tensors, metadata: metadata.unwrap_or_default() })
            }
        }
        from.deserialize_map(Fields)
    }
}

/// A map in which no key stands twice.
struct Once<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Once<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Keys<V> {
            type Value = Once<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from keys to text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once<V>, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    if all.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("`{key}` stands twice")));
                    }
                }
                Ok(Once(all))
            }
        }
        from.deserialize_map(Keys(PhantomData))
    }
}

/// Writes a header, whose entries keep their order, padded with spaces to a multiple of 8 bytes so
/// that the tensors are aligned.
pub(super) fn write(metadata: &BTreeMap<String, String>, tensors: &[(&str, Entry)]) -> Vec<u8> {
    let text = |s: &str| serde_json::to_string(s).expect("text is always JSON");
    let pairs: Vec<_> =
        metadata.iter().map(|(key, value)| format!("{}:{}", text(key), text(value))).collect();
    let mut out = format!("{{{}:{{{}}}", text(METADATA), pairs.join(","));
    for (name, Entry { dtype, shape, data_offsets: (begin, end) }) in tensors {
        let shape: Vec<_> = shape.iter().map(usize::to_string).collect();
        out += &format!(
            ",{}:{{\"dtype\":\"{dtype}\",\"shape\":[{}],\"data_offsets\":[{begin},{end}]}}",
            text(name),
            shape.join(",")
        );
    }
    out += "}";
    let mut out = out.into_bytes();
    out.resize(out.len().next_multiple_of(8), b' ');
    out
}
