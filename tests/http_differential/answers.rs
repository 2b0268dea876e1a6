//! Answers as servers might send them, good and broken, with the reads they arrive in.

use proptest::prelude::*;
use proptest::sample::select;

/// An answer as a server might send it.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) method: &'static str,
    pub(crate) leading: &'static str,
    pub(crate) interim: Vec<&'static str>,
    pub(crate) status_line: String,
    pub(crate) line_end: &'static str,
    pub(crate) headers: Vec<&'static str>,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) chunks: Chunks,
    /// Bytes behind the end of the answer.
    pub(crate) behind: &'static str,
    pub(crate) harm: Harm,
    /// Where reads end, as shares of the whole.
    pub(crate) splits: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Framing {
    UntilClose,
    Length,
    LengthTwice,
    LengthInList,
    LengthsDiffer,
    LengthIsNoNumber,
    LengthTooLong,
    LengthTooShort,
    Chunked,
    ChunkedInCapitals,
    ChunkedAndLength,
    GzipThenChunked,
    ChunkedThenGzip,
    UnknownEncoding,
}

#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    pub(crate) size: usize,
    pub(crate) extension: &'static str,
    pub(crate) trailers: &'static str,
    pub(crate) fault: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Harm {
    None,
    /// Cut off at this share of the whole.
    Cut(f64),
    /// A byte at this share of the whole replaced.
    Changed(f64, u8),
    /// Nothing of the answer, but bytes made from the recipe's body.
    Garbage,
}

fn share(bytes: &[u8], share: f64) -> usize {
    ((bytes.len() as f64) * share) as usize
}

impl Recipe {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        if self.harm == Harm::Garbage {
            return self.body.clone();
        }
        let end = self.line_end;
        let mut text = self.leading.to_owned();
        for interim in &self.interim {
            text.push_str(interim);
        }
        text.push_str(&self.status_line);
        text.push_str(end);
        for line in self.headers.iter().copied().chain(self.framing_lines().lines()) {
            text.push_str(line);
            text.push_str(end);
        }
        text.push_str(end);
        let mut bytes = text.into_bytes();
        match self.framing {
            Framing::Chunked
            | Framing::ChunkedInCapitals
            | Framing::ChunkedAndLength
            | Framing::GzipThenChunked => {
                self.put_chunks(&mut bytes);
            }
            _ => bytes.extend_from_slice(&self.body),
        }
        bytes.extend_from_slice(self.behind.as_bytes());
        match self.harm {
            Harm::None | Harm::Garbage => {}
            Harm::Cut(place) => bytes.truncate(share(&bytes, place)),
            Harm::Changed(place, byte) => {
                let place = share(&bytes, place);
                if let Some(there) = bytes.get_mut(place) {
                    *there = byte;
                }
            }
        }
        bytes
    }

    fn framing_lines(&self) -> String {
        let length = self.body.len();
        match self.framing {
            Framing::UntilClose => String::new(),
            Framing::Length => format!("Content-Length: {length}"),
            Framing::LengthTwice => format!("content-length: {length}\nContent-Length:{length} "),
            Framing::LengthInList => format!("content-length: {length}, {length}"),
            Framing::LengthsDiffer => format!("content-length: {length}\ncontent-length: {}", length + 1),
            Framing::LengthIsNoNumber => format!("content-length: +{length}"),
            Framing::LengthTooLong => format!("content-length: {}", length + 3),
            Framing::LengthTooShort => format!("content-length: {}", length / 2),
            Framing::Chunked => "transfer-encoding: chunked".into(),
            Framing::ChunkedInCapitals => "Transfer-Encoding:\t CHUNKED ".into(),
            Framing::ChunkedAndLength => "content-length: 3\ntransfer-encoding: chunked".into(),
            Framing::GzipThenChunked => "transfer-encoding: gzip\ntransfer-encoding: x, chunked".into(),
            Framing::ChunkedThenGzip => "transfer-encoding: chunked, gzip".into(),
            Framing::UnknownEncoding => "transfer-encoding: identity".into(),
        }
    }

    fn put_chunks(&self, bytes: &mut Vec<u8>) {
        let Chunks { size, extension, trailers, fault } = &self.chunks;
        let start = bytes.len();
        for chunk in self.body.chunks(*size) {
            bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("0{extension}\r\n{trailers}\r\n").as_bytes());
        if let Some((good, bad)) = fault {
            let text = &bytes[start..];
            if let Some(place) = text.windows(good.len()).position(|part| part == good.as_bytes()) {
                bytes.splice(start + place..start + place + good.len(), bad.bytes());
            }
        }
    }

    pub(crate) fn segments(&self) -> Vec<Vec<u8>> {
        let bytes = self.bytes();
        let mut ends: Vec<usize> = self.splits.iter().map(|&place| share(&bytes, place)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut from = 0;
        let mut segments = Vec::new();
        for end in ends {
            if end > from {
                segments.push(bytes[from..end].to_vec());
                from = end;
            }
        }
        segments
    }
}

fn status_line() -> impl Strategy<Value = String> {
    let version = prop_oneof![
        12 => Just("HTTP/1.1"),
        4 => Just("HTTP/1.0"),
        1 => select(vec!["HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1", "ICY"]),
    ];
    let status = prop_oneof![
        10 => select(vec!["200", "201", "302", "404", "409", "500", "599", "999"]),
        4 => select(vec!["204", "304"]),
        1 => select(vec!["100", "101", "103", "099", "20", "2000", "abc", "-1"]),
    ];
    let reason = prop_oneof![
        8 => select(vec![" OK", " ", "", " Not Found", " Zoë"]),
        1 => select(vec!["  two", " \u{1}", "\tOK", "OK"]),
    ];
    (version, status, reason).prop_map(|(version, status, reason)| format!("{version} {status}{reason}"))
}

fn headers() -> impl Strategy<Value = Vec<&'static str>> {
    let good = select(vec![
        "x: y",
        "X-Two: a, b",
        "set-cookie: a=b",
        "set-cookie: c=d; Path=/",
        "empty:",
        "blanks:   a b \t",
        "utf8: Zoë",
        "connection: close",
        "Connection: Keep-Alive",
        "connection: upgrade, close",
        "date: Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
    let odd = select(vec![
        "no colon",
        "blank before : colon",
        " folded",
        "\tfolded",
        ": no name",
        "bad\u{1}name: x",
        "bad value: \u{1}",
        "nul: \u{0}",
        "del: \u{7f}",
        "cr: a\rb",
        "(paren): x",
        "tab\t: x",
    ]);
    proptest::collection::vec(prop_oneof![40 => good, 1 => odd], 0..6)
}

fn framing() -> impl Strategy<Value = Framing> {
    select(vec![
        Framing::UntilClose,
        Framing::Length,
        Framing::Length,
        Framing::LengthTwice,
        Framing::LengthInList,
        Framing::LengthsDiffer,
        Framing::LengthIsNoNumber,
        Framing::LengthTooLong,
        Framing::LengthTooShort,
        Framing::Chunked,
        Framing::Chunked,
        Framing::Chunked,
        Framing::ChunkedInCapitals,
        Framing::ChunkedAndLength,
        Framing::GzipThenChunked,
        Framing::ChunkedThenGzip,
        Framing::UnknownEncoding,
    ])
}

fn chunks() -> impl Strategy<Value = Chunks> {
    let extension = prop_oneof![
        4 => Just(""),
        2 => select(vec![";a", ";a=b;c=\"d\"", " ", "\t;x", " ; y = z"]),
        1 => select(vec![";a\nb", " 5", ";\u{1}", "x"]),
    ];
    let trailers = prop_oneof![
        4 => Just(""),
        2 => select(vec!["A: b\r\n", "A: b\r\nC: d\r\n", "content-length: 5\r\n", "A: b\n\r\n"]),
        1 => select(vec!["no colon\r\n", "A: b\nC: d\r\n", " A: b\r\n", "\nA: b\r\n", ": x\r\n", "A: b\r"]),
    ];
    let fault = prop_oneof![
        4 => Just(None),
        1 => select(vec![
            Some(("\r\n", "\n")),
            Some(("\r\n", "\r")),
            Some(("\r\n", "\r\r\n")),
            Some(("0\r\n", "\r\n")),
            Some(("0", "g")),
            Some(("0", "-0")),
            Some(("0", "0x0")),
            Some(("0", "00000000000000000000")),
            Some(("0", "fffffffffffffffff")),
            Some(("0\r\n", "ffffffffffffffff\r\n")),
            Some(("\r\n\r\n", "\r\n")),
        ]),
    ];
    (1..60_usize, extension, trailers, fault).prop_map(|(size, extension, trailers, fault)| Chunks {
        size,
        extension,
        trailers,
        fault,
    })
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        12 => Just(Harm::None),
        4 => (0.0..1.0).prop_map(Harm::Cut),
        3 => (0.0..1.0, prop_oneof![any::<u8>(), select(b"\r\n :;0".to_vec())])
            .prop_map(|(place, byte)| Harm::Changed(place, byte)),
        1 => Just(Harm::Garbage),
    ]
}

pub(crate) fn recipe() -> impl Strategy<Value = Recipe> {
    let head = (
        select(vec!["GET", "GET", "GET", "POST", "HEAD"]),
        prop_oneof![20 => Just(""), 1 => select(vec!["\r\n", "\n", "\r", " "])],
        prop_oneof![
            6 => Just(Vec::new()),
            1 => proptest::collection::vec(
                select(vec![
                    "HTTP/1.1 100 Continue\r\n\r\n",
                    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 7\r\n\r\n",
                    "HTTP/1.1 199\n\n",
                    "HTTP/1.0 102 Processing\r\n\r\n",
                ]),
                1..4,
            ),
            1 => Just(vec!["HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"]),
        ],
        status_line(),
        prop_oneof![8 => Just("\r\n"), 2 => Just("\n")],
        headers(),
    );
    let body = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..200),
        // Longer than the buffer for one read.
        1 => (15_000..40_000_usize).prop_map(|size| vec![b'x'; size]),
    ];
    let rest = (
        framing(),
        body,
        chunks(),
        prop_oneof![6 => Just(""), 1 => select(vec!["\r\n", "x", "HTTP/1.1 200 OK\r\n\r\n"])],
        harm(),
        prop_oneof![
            2 => Just(Vec::new()),
            6 => proptest::collection::vec(0.0..1.0, 0..8),
            1 => Just((0..100).map(|place| f64::from(place) / 100.0).collect()),
        ],
    );
    (head, rest).prop_map(|(head, rest)| {
        let (method, leading, interim, status_line, line_end, headers) = head;
        let (framing, body, chunks, behind, harm, splits) = rest;
        Recipe {
            method,
            leading,
            interim,
            status_line,
            line_end,
            headers,
            framing,
            body,
            chunks,
            behind,
            harm,
            splits,
        }
    })
}
