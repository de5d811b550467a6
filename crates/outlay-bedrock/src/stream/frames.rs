//! Frames of `application/vnd.amazon.eventstream`, out of bytes that come cut anywhere.
//!
//! ```text
//! total length: u32 | headers length: u32 | CRC of these: u32 | headers | payload | CRC of all before: u32
//! ```

/// Prelude, its CRC and the message's CRC.
const OVERHEAD: usize = 16;
const PRELUDE: usize = 12;
/// AWS sends at most 16 MiB of payload and 128 KiB of headers.
const MAX_FRAME: usize = (16 << 20) + (128 << 10) + OVERHEAD;

/// One frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    headers: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// Cuts bytes into frames. It has one buffer, which it reuses for frames that come in pieces; a frame that comes whole
/// is not copied.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    partial: Vec<u8>,
    corrupt: bool,
}

impl FrameReader {
    /// Takes the next bytes and hands each frame that they complete to `on_frame`. After a corrupt frame nothing more
    /// is read: where the next one would start is not known.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>)) {
        while !self.corrupt && !bytes.is_empty() {
            if self.partial.is_empty() {
                match whole_frame(bytes) {
                    Cut::Frame(frame, rest) => {
                        on_frame(frame);
                        bytes = rest;
                    }
                    Cut::More(_) => {
                        self.partial.extend_from_slice(bytes);
                        return;
                    }
                    Cut::Corrupt => self.corrupt = true,
                }
            } else {
                bytes = self.fill(bytes);
                match whole_frame(&self.partial) {
                    Cut::Frame(frame, _) => {
                        on_frame(frame);
                        self.partial.clear();
                    }
                    Cut::More(_) => {}
                    Cut::Corrupt => self.corrupt = true,
                }
            }
        }
    }

    /// Takes what the frame in the buffer still needs, and returns the rest.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = match whole_frame(&self.partial) {
            Cut::More(missing) => missing.min(bytes.len()),
            Cut::Frame(..) | Cut::Corrupt => 0,
        };
        let (needed, rest) = bytes.split_at(missing);
        self.partial.extend_from_slice(needed);
        rest
    }

    /// Whether a corrupt frame has come.
    pub(crate) const fn is_corrupt(&self) -> bool {
        self.corrupt
    }

    /// Whether the bytes so far end in the middle of a frame.
    pub(crate) fn is_cut(&self) -> bool {
        !self.partial.is_empty()
    }
}

enum Cut<'a> {
    /// A frame, and what comes after it.
    Frame(Frame<'a>, &'a [u8]),
    /// At least so many more bytes are needed.
    More(usize),
    Corrupt,
}

fn whole_frame(bytes: &[u8]) -> Cut<'_> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Cut::More(PRELUDE - bytes.len()) };
    let total = be_u32(&prelude[..4]) as usize;
    let headers_len = be_u32(&prelude[4..8]) as usize;
    let fits = (OVERHEAD..=MAX_FRAME).contains(&total) && headers_len <= total - OVERHEAD;
    if !fits || crc32fast::hash(&prelude[..8]) != be_u32(&prelude[8..]) {
        return Cut::Corrupt;
    }
    let Some(frame) = bytes.get(..total) else { return Cut::More(total - bytes.len()) };
    let (message, crc) = frame.split_at(total - 4);
    if crc32fast::hash(message) != be_u32(crc) {
        return Cut::Corrupt;
    }
    let (headers, payload) = message[PRELUDE..].split_at(headers_len);
    Cut::Frame(Frame { headers, payload }, &bytes[total..])
}

fn be_u32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

impl<'a> Frame<'a> {
    /// A header's text; `None` where there is no such header, or it is not text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.headers;
        while let Some((header, value, after)) = next_header(rest) {
            if header == name.as_bytes() {
                return std::str::from_utf8(value?).ok();
            }
            rest = after;
        }
        None
    }
}

type Header<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// Name, value if it is text, and what comes after.
fn next_header(bytes: &[u8]) -> Option<Header<'_>> {
    const TEXT: u8 = 7;
    let (name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_len))?;
    let (kind, rest) = rest.split_first()?;
    let (value_len, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        9 => (16, rest),
        6 | 7 => {
            let (len, rest) = rest.split_at_checked(2)?;
            (usize::from(len[0]) << 8 | usize::from(len[1]), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some((name, (*kind == TEXT).then_some(value), rest))
}

#[cfg(test)]
mod tests;
