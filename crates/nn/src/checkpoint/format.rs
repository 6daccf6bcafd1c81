//! Checkpoints as bytes: the safetensors format, with checksums in its metadata.

use std::collections::BTreeMap;

use tensor::{AnyTensor, DType, Element, Tensor};

use super::header::{self, Entry, Header};
use super::{Checkpoint, Damage, Refusal};

/// The keys that are the format's own. A second key beside the checksum of the header: were there
/// one only, a flipped bit in it would turn the file into one without checksums.
const FORMAT: (&str, &str) = ("rewind.format", "1");
/// Checksum of the header, computed with zeros in its own place. Followed by a dot and a name, that
/// of a tensor.
const CRC: &str = "rewind.crc32";
const UNSET: &str = "00000000";

/// The file, which [`decode`] gives back as it was, or why that cannot be. The same checkpoint
/// always gives the same bytes.
pub(super) fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, Refusal> {
    if checkpoint.tensors.contains_key(header::METADATA) {
        return Err(Refusal::Name { name: header::METADATA.into() });
    }
    if let Some(key) = checkpoint.metadata.keys().find(|key| is_own(key)) {
        return Err(Refusal::Key { key: key.clone() });
    }
    let mut tensors: Vec<_> = checkpoint.tensors.iter().collect();
    // Wide elements first, so that each tensor is aligned; then by name.
    tensors.sort_by_key(|(_, t)| std::cmp::Reverse(width(t.dtype())));

    let (mut data, mut entries) = (Vec::new(), Vec::new());
    let mut metadata = checkpoint.metadata.clone();
    for (name, tensor) in tensors {
        let begin = data.len();
        write(tensor, &mut data);
        let sum = crc32fast::hash(&data[begin..]);
        metadata.insert(format!("{CRC}.{name}"), format!("{sum:08x}"));
        let dtype = code(tensor.dtype()).to_owned();
        let entry =
            Entry { dtype, shape: tensor.shape().into(), data_offsets: (begin, data.len()) };
        entries.push((&name[..], entry));
    }
    metadata.insert(FORMAT.0.into(), FORMAT.1.into());
    metadata.insert(CRC.into(), UNSET.into());

    let mut header = header::write(&metadata, &entries);
    let len = header.len() as u64;
    if len > header::LIMIT {
        return Err(Refusal::HeaderLength { len });
    }
    let place = place_of_sum(&header).expect("the key has just been written");
    let sum = format!("{:08x}", crc32fast::hash(&header));
    header[place..place + UNSET.len()].copy_from_slice(sum.as_bytes());

    let mut file = len.to_le_bytes().to_vec();
    file.append(&mut header);
    file.append(&mut data);
    Ok(file)
}

/// What a file holds.
///
/// Everything is checked before anything is allocated, so the file's own length bounds what it can
/// make the reader allocate.
pub(super) fn decode(file: &[u8]) -> Result<Checkpoint, Damage> {
    let (bytes, data) = header::divide(file)?;
    check_header(bytes)?;
    let header = header::parse(bytes)?;
    check_places(&header, file.len() as u64, data.len())?;
    let summed = header.metadata.keys().any(|key| is_own(key));
    let mut tensors = BTreeMap::new();
    for (name, entry) in &header.tensors {
        let bytes = &data[entry.data_offsets.0..entry.data_offsets.1];
        if summed {
            check_sum(&header, name, bytes)?;
        }
        tensors.insert(name.clone(), read(name, entry, bytes)?);
    }
    if summed && place_of_sum(bytes).is_none() {
        return Err(Damage::Header("its checksum is missing".into()));
    }
    let mut metadata = header.metadata;
    metadata.retain(|key, _| !is_own(key));
    Ok(Checkpoint { tensors, metadata })
}

fn is_own(key: &str) -> bool {
    key == FORMAT.0 || key == CRC || key.strip_prefix(CRC).is_some_and(|k| k.starts_with('.'))
}

/// Where the digits of the header's checksum begin. The text searched for cannot stand inside a
/// JSON string, where its quotation marks would be escaped.
fn place_of_sum(header: &[u8]) -> Option<usize> {
    let key = format!("\"{CRC}\":\"");
    let at = header.windows(key.len()).position(|w| w == key.as_bytes())? + key.len();
    (header.len() >= at + UNSET.len()).then_some(at)
}

fn check_header(header: &[u8]) -> Result<(), Damage> {
    let Some(place) = place_of_sum(header) else { return Ok(()) };
    let (before, rest) = header.split_at(place);
    let (digits, after) = rest.split_at(UNSET.len());
    let mut sum = crc32fast::Hasher::new();
    [before, UNSET.as_bytes(), after].iter().for_each(|part| sum.update(part));
    compare("the header", std::str::from_utf8(digits).ok(), sum.finalize())
}

fn check_sum(header: &Header, name: &str, bytes: &[u8]) -> Result<(), Damage> {
    let digits = header.metadata.get(&format!("{CRC}.{name}"));
    compare(&format!("`{name}`"), digits.map(|d| &d[..]), crc32fast::hash(bytes))
}

fn compare(what: &str, digits: Option<&str>, found: u32) -> Result<(), Damage> {
    let expected = digits.filter(|d| d.len() == UNSET.len());
    let expected = expected.and_then(|d| u32::from_str_radix(d, 16).ok());
    let Some(expected) = expected else {
        return Err(Damage::Header(format!("the checksum of {what} is missing")));
    };
    // Compared as text too: `+` and capital digits are numbers as well, but were not written.
    if expected == found && digits == Some(&format!("{found:08x}")) {
        return Ok(());
    }
    Err(Damage::Checksum { what: what.into(), expected, found })
}

/// The tensors must lie side by side, in any order, from the first byte to the last.
fn check_places(header: &Header, file: u64, data: usize) -> Result<(), Damage> {
    let mut order: Vec<_> = header.tensors.iter().collect();
    order.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut end = 0;
    for (name, entry) in order {
        let (from, to) = entry.data_offsets;
        let wrong = |reason| Err(Damage::Tensor { name: name.clone(), reason });
        let Some(dtype) = dtype(&entry.dtype) else {
            return wrong(format!("elements of type `{}` are not supported", entry.dtype));
        };
        let len = match tensor::shape::checked_len(&entry.shape, width(dtype)) {
            Ok(len) => len * width(dtype),
            Err(error) => return wrong(error.to_string()),
        };
        if from != end {
            return wrong(format!("begins at byte {from}, but the one before ends at {end}"));
        }
        if from.checked_add(len) != Some(to) {
            return wrong(format!("has {len} bytes, but its place is {from} to {to}"));
        }
        end = to;
    }
    let expected = (file - data as u64).saturating_add(end as u64);
    match data.cmp(&end) {
        std::cmp::Ordering::Less => Err(Damage::Truncated { expected, found: file }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Damage::Trailing { expected, found: file }),
    }
}

const DTYPES: [(DType, &str); 6] = [
    (DType::F32, "F32"),
    (DType::F64, "F64"),
    (DType::Bool, "BOOL"),
    (DType::I64, "I64"),
    (DType::Usize, "U64"),
    (DType::U8, "U8"),
];

fn code(dtype: DType) -> &'static str {
    DTYPES.iter().find(|(d, _)| *d == dtype).expect("every type has a code").1
}

fn dtype(code: &str) -> Option<DType> {
    DTYPES.iter().find(|(_, c)| *c == code).map(|(d, _)| *d)
}

/// Bytes of an element in a file.
fn width(dtype: DType) -> usize {
    match dtype {
        DType::F32 => 4,
        DType::F64 | DType::I64 | DType::Usize => 8,
        DType::Bool | DType::U8 => 1,
    }
}

/// Appends the elements in row-major order, little-endian.
fn write(tensor: &AnyTensor, out: &mut Vec<u8>) {
    out.reserve(tensor.len() * width(tensor.dtype()));
    match tensor {
        AnyTensor::F32(t) => out.extend(t.iter().flat_map(f32::to_le_bytes)),
        AnyTensor::F64(t) => out.extend(t.iter().flat_map(f64::to_le_bytes)),
        AnyTensor::Bool(t) => out.extend(t.iter().map(u8::from)),
        AnyTensor::I64(t) => out.extend(t.iter().flat_map(i64::to_le_bytes)),
        AnyTensor::Usize(t) => out.extend(t.iter().flat_map(|x| (x as u64).to_le_bytes())),
        AnyTensor::U8(t) => out.extend(t.iter()),
    }
}

/// The tensor whose bytes are `bytes`, as many as its header says.
fn read(name: &str, entry: &Entry, bytes: &[u8]) -> Result<AnyTensor, Damage> {
    let wrong = |reason: &str| Damage::Tensor { name: name.into(), reason: reason.into() };
    let shape = &entry.shape[..];
    let tensor = match dtype(&entry.dtype).expect("`check_places` has seen it") {
        DType::F32 => elements(shape, bytes, |b| Some(f32::from_le_bytes(b))),
        DType::F64 => elements(shape, bytes, |b| Some(f64::from_le_bytes(b))),
        DType::I64 => elements(shape, bytes, |b| Some(i64::from_le_bytes(b))),
        DType::Usize => elements(shape, bytes, |b| usize::try_from(u64::from_le_bytes(b)).ok()),
        DType::U8 => elements(shape, bytes, |[b]| Some(b)),
        DType::Bool => elements(shape, bytes, |[b]| (b < 2).then_some(b == 1)),
    };
    tensor.ok_or_else(|| wrong("an element is out of range"))
}

fn elements<E: Element, const N: usize>(
    shape: &[usize],
    bytes: &[u8],
    decode: impl Fn([u8; N]) -> Option<E>,
) -> Option<AnyTensor> {
    let mut tensor = Tensor::<E>::scratch(shape);
    let out = tensor.as_mut_slice().expect("a fresh tensor is contiguous and has one owner");
    for (x, bytes) in out.iter_mut().zip(bytes.chunks_exact(N)) {
        *x = decode(bytes.try_into().expect("chunks of N bytes"))?;
    }
    Some(E::erase(tensor))
}
