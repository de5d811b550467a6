use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

/// Decodes the events of InvokeModel's streams, `{"bytes":"...","p":"..."}`. `bytes` is the model's own JSON in
/// base64. One buffer is reused for all events.
#[derive(Debug, Default)]
pub(super) struct ChunkDecoder {
    chunk: Vec<u8>,
}

impl ChunkDecoder {
    pub(super) fn decode(&mut self, payload: &[u8]) -> Option<&[u8]> {
        let encoded = base64_member(payload)?;
        self.chunk.clear();
        self.chunk.resize(base64::decoded_len_estimate(encoded.len()), 0);
        let len = STANDARD.decode_slice(encoded, &mut self.chunk).ok()?;
        Some(&self.chunk[..len])
    }
}

/// Returns the `bytes` member without parsing the JSON: base64 has no character that JSON would escape.
fn base64_member(payload: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(payload, b"\"bytes\":")? + b"\"bytes\":".len();
    let rest = payload[start..].trim_ascii_start().strip_prefix(b"\"")?;
    rest.get(..memchr::memchr(b'"', rest)?)
}
