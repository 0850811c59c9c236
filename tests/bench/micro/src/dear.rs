//! The dearest inputs that were found (`make dearest` searches for more): tests/bench/dear, each repeated as often as there is room.

/// The content type under which an input is dear, and what is repeated.
pub struct Dear {
    /// The name of its file.
    pub name: &'static str,
    /// Of the body.
    pub content_type: &'static str,
    brick: &'static [u8],
}

macro_rules! dear {
    ($($name:literal $content_type:literal)*) => {
        /// Each of them.
        pub const DEAR: &[Dear] = &[$(Dear {
            name: $name,
            content_type: $content_type,
            brick: include_bytes!(concat!("../../dear/", $name, ".txt")),
        },)*];
    };
}

dear! {
    "text" ""
    "json" "application/json"
    "xml" "application/xml"
    "form" "application/x-www-form-urlencoded"
    "multipart" "multipart/form-data; boundary=b"
    "every-way" "multipart/form-data; boundary=b; x=application/x-www-form-urlencoded; y=text/xml; z=json"
}

/// Prose that nobody wrote to be dear, to see what the others are dear against.
pub const PROSE: Dear =
    Dear { name: "prose, harmless", content_type: "text/plain", brick: include_bytes!("../../../../LICENSE") };

impl Dear {
    /// So many bytes of it.
    #[must_use]
    pub fn text(&self, bytes: usize) -> Vec<u8> {
        self.brick.iter().copied().cycle().take(bytes).collect()
    }
}
