//! Splits bytes that arrive in arbitrary pieces into frames of `application/vnd.amazon.eventstream`.
//!
//! ```text
//! total length: u32 | headers length: u32 | CRC of these: u32 | headers | payload | CRC of all before: u32
//! ```

/// The size of the prelude, its CRC and the message's CRC.
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

/// Splits bytes into frames. One buffer is reused for frames that arrive in pieces. A frame that arrives whole is not
/// copied.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    /// The bytes of an incomplete frame.
    partial: Vec<u8>,
    /// The length of that frame, once its prelude is complete.
    total: usize,
    corrupt: bool,
}

impl FrameReader {
    /// Takes the next bytes and passes each completed frame to `on_frame`. Nothing is read after a corrupt frame,
    /// because the start of the next one is unknown.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>)) {
        while !self.corrupt && !bytes.is_empty() {
            bytes = if self.partial.is_empty() {
                self.push_whole(bytes, &mut on_frame)
            } else {
                self.push_piece(bytes, &mut on_frame)
            };
        }
    }

    /// Reads bytes that begin a frame. Returns the bytes after it.
    fn push_whole<'a>(&mut self, bytes: &'a [u8], on_frame: &mut impl FnMut(Frame<'_>)) -> &'a [u8] {
        if bytes.len() < PRELUDE {
            self.partial.extend_from_slice(bytes);
            return &[];
        }
        let Some(total) = frame_length(bytes) else { return self.stop() };
        let Some((frame, rest)) = bytes.split_at_checked(total) else {
            self.total = total;
            self.partial.extend_from_slice(bytes);
            return &[];
        };
        match checked_frame(frame) {
            Some(frame) => on_frame(frame),
            None => return self.stop(),
        }
        rest
    }

    /// Reads bytes that continue an incomplete frame. Returns the bytes after them.
    fn push_piece<'a>(&mut self, bytes: &'a [u8], on_frame: &mut impl FnMut(Frame<'_>)) -> &'a [u8] {
        let target = if self.partial.len() < PRELUDE { PRELUDE } else { self.total };
        let (piece, rest) = bytes.split_at(bytes.len().min(target - self.partial.len()));
        self.partial.extend_from_slice(piece);
        if self.partial.len() < target {
            return rest;
        }
        if target == PRELUDE {
            match frame_length(&self.partial) {
                Some(total) => self.total = total,
                None => return self.stop(),
            }
            return rest;
        }
        match checked_frame(&self.partial) {
            Some(frame) => on_frame(frame),
            None => return self.stop(),
        }
        self.partial.clear();
        rest
    }

    const fn stop(&mut self) -> &'static [u8] {
        self.corrupt = true;
        &[]
    }

    /// Returns whether there was a corrupt frame.
    pub(crate) const fn is_corrupt(&self) -> bool {
        self.corrupt
    }

    /// Returns whether the bytes so far end in the middle of a frame.
    pub(crate) const fn is_cut(&self) -> bool {
        !self.partial.is_empty()
    }
}

/// Returns the length in a frame's prelude, or `None` if it is corrupt. A frame is always longer than its prelude.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let prelude = bytes.get(..PRELUDE)?;
    let total = be_u32(&prelude[..4]) as usize;
    let headers = be_u32(&prelude[4..8]) as usize;
    let fits = (OVERHEAD..=MAX_FRAME).contains(&total) && headers <= total - OVERHEAD;
    (fits && crc32fast::hash(&prelude[..8]) == be_u32(&prelude[8..])).then_some(total)
}

/// Returns the frame, if `bytes` is exactly one.
pub(super) fn whole_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    frame_length(bytes).filter(|length| *length == bytes.len()).and_then(|_| checked_frame(bytes))
}

/// Parses a frame that takes up all of these bytes. Returns `None` if it is corrupt.
fn checked_frame(frame: &[u8]) -> Option<Frame<'_>> {
    let (message, crc) = frame.split_at_checked(frame.len().checked_sub(4)?)?;
    if crc32fast::hash(message) != be_u32(crc) {
        return None;
    }
    let headers_len = be_u32(message.get(4..8)?) as usize;
    let (headers, payload) = message.get(PRELUDE..)?.split_at_checked(headers_len)?;
    Some(Frame { headers, payload })
}

fn be_u32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

/// The headers that give the type of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameType<'a> {
    pub(crate) message: Option<&'a [u8]>,
    pub(crate) event: Option<&'a [u8]>,
    pub(crate) exception: Option<&'a [u8]>,
    pub(crate) error: Option<&'a [u8]>,
}

impl<'a> Frame<'a> {
    /// Returns the type of the frame. Headers that are not text are left out.
    pub(crate) fn frame_type(&self) -> FrameType<'a> {
        let mut found = FrameType::default();
        let mut rest = self.headers;
        while let Some((name, value, after)) = next_header(rest) {
            match name {
                b":message-type" => found.message = value,
                b":event-type" => found.event = value,
                b":exception-type" => found.exception = value,
                b":error-code" => found.error = value,
                _ => {}
            }
            rest = after;
        }
        found
    }
}

type Header<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// The name, the value if it is text, and the remaining bytes.
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
mod frames_tests;
