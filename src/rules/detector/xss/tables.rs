//! Names that markup and scripts go by, in lower case; where a shape does, there is no list.

/// Which signs a value has.
#[derive(Clone, Copy)]
pub struct Signs(u8);

impl Signs {
    pub const LESS: u8 = 1;
    pub const EQUALS: u8 = 2;
    pub const DOUBLE: u8 = 4;
    pub const SINGLE: u8 = 8;
    pub const BACK: u8 = 16;

    pub fn of(value: &[u8]) -> Self {
        Self(value.iter().fold(0, |signs, byte| {
            signs
                | match byte {
                    b'<' => Self::LESS,
                    b'=' => Self::EQUALS,
                    b'"' => Self::DOUBLE,
                    b'\'' => Self::SINGLE,
                    b'`' => Self::BACK,
                    _ => 0,
                }
        }))
    }

    pub fn any(self, signs: u8) -> bool {
        self.0 & signs != 0
    }
}

/// What makes an element run or load something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Only attributes that do so on any element.
    None,
    /// Its being there.
    Always,
    /// An attribute or its end.
    Script,
    /// Any attribute.
    Attribute,
    /// `href`
    Base,
    /// `rel`
    Link,
    /// What the page would be sent with.
    Meta,
    /// Its text.
    Style,
    /// The attribute of another element that it sets.
    Animation,
}

/// Elements that matter by themselves.
pub const ACTIVE: &[(&str, Danger)] = &[
    ("script", Danger::Script),
    ("iframe", Danger::Always),
    ("frame", Danger::Attribute),
    ("frameset", Danger::Always),
    ("vmlframe", Danger::Attribute),
    ("object", Danger::Attribute),
    ("embed", Danger::Attribute),
    ("applet", Danger::Attribute),
    ("base", Danger::Base),
    ("link", Danger::Link),
    ("meta", Danger::Meta),
    ("bgsound", Danger::Attribute),
    ("isindex", Danger::Attribute),
    ("layer", Danger::Attribute),
    ("ilayer", Danger::Attribute),
    ("portal", Danger::Attribute),
    ("fencedframe", Danger::Attribute),
    ("style", Danger::Style),
    ("xml", Danger::Attribute),
    ("handler", Danger::Attribute),
    ("listener", Danger::Attribute),
    ("set", Danger::Animation),
    ("animate", Danger::Animation),
    ("animatemotion", Danger::Animation),
    ("animatetransform", Danger::Animation),
];

/// What a page may say with `http-equiv` that changes nothing.
#[rustfmt::skip]
pub const PAGE_HEADERS: &[&str] = &[
    "cache-control", "content-language", "content-type", "default-style", "expires", "imagetoolbar", "pragma",
    "x-dns-prefetch-control", "x-ua-compatible",
];

/// Relations of a `link` that a browser loads without being asked.
pub const LOADING: &[&str] =
    &["import", "stylesheet", "prefetch", "preload", "modulepreload", "prerender", "dns-prefetch", "preconnect"];

/// Attributes whose value a browser takes for a URL that it may follow.
#[rustfmt::skip]
pub const URL_ATTRIBUTES: &[&str] = &[
    "href", "src", "action", "data", "xlink:href", "poster", "background", "dynsrc", "lowsrc", "from", "to", "values",
    "by", "codebase", "code", "cite", "longdesc", "content", "manifest", "srcset", "ping", "classid", "profile",
    "usemap", "formaction", "folder", "url", "value", "param", "xml:base",
];
/// The first letters of the names of event handlers, `on` included. A browser's next event will most likely begin like
/// one of these; inside a tag any `on` counts, and this table decides only where no tag is to be seen.
#[rustfmt::skip]
pub const EVENTS: &[&str] = &[
    "onabort", "onactivat", "onafter", "onanimation", "onaudio", "onauto", "onauxclick", "onbefore", "onbegin",
    "onblur", "onbounce", "oncancel", "oncanplay", "onchange", "onclick", "onclose", "oncommand", "oncontent",
    "oncontext", "oncontrol", "oncopy", "oncuechange", "oncut", "ondata", "ondblclick", "ondeactivat", "ondevice",
    "ondrag", "ondrop", "onduration", "onemptied", "onend", "onerror", "onfilter", "onfinish", "onfocus", "onform",
    "onfullscreen", "ongamepad", "ongesture", "ongotpointer", "onhashchange", "onhelp", "oninput", "oninvalid", "onkey",
    "onlanguage", "onlayout", "onload", "onlosecapture", "onlostpointer", "onmedia", "onmessage", "onmouse", "onmove",
    "onmoz", "onms", "onoffline", "ononline", "onorientation", "onoutofsync", "onover", "onpage", "onpaste", "onpause",
    "onplay", "onpointer", "onpopstate", "onpopup", "onprogress", "onproperty", "onratechange", "onready",
    "onrejection", "onrepeat", "onreset", "onresize", "onresume", "onreverse", "onrow", "onscroll", "onsearch",
    "onsecurity", "onseek", "onselect", "onshow", "onslotchange", "onstalled", "onstart", "onstop", "onstorage",
    "onsubmit", "onsuspend", "onsync", "ontime", "ontoggle", "ontouch", "ontrack", "ontransition", "onunhandled",
    "onunload", "onurlflip", "onvalidation", "onvisibility", "onvolume", "onwaiting", "onwebkit", "onwheel", "onzoom",
];

/// Words that begin with `on` and name no event.
#[rustfmt::skip]
pub const NOT_EVENTS: &[&str] = &[
    "onboarded", "onboarding", "once", "one", "ones", "oneself", "ongoing", "onion", "online", "only", "onset",
    "onsite", "onto", "onus", "onward", "onwards",
];

/// Functions that nobody mentions with an argument but to run them.
pub const RUNNERS: &[&str] = &["alert", "atob", "confirm", "eval", "execscript", "msgbox", "prompt"];

/// What such a function is given when it shows that script runs.
#[rustfmt::skip]
pub const ARGUMENTS: &[&str] = &[
    "atob", "btoa", "decodeuri", "decodeuricomponent", "document", "eval", "frames", "globalthis", "location", "name",
    "navigator", "origin", "parent", "self", "string", "this", "top", "unescape", "url", "window", "xss",
];

/// Names of the global object.
pub const GLOBALS: &[&str] = &["frames", "globalthis", "parent", "self", "this", "top", "window"];

/// Words that lead from an expression of a browser's template to the functions outside of it.
pub const TEMPLATE_NAMES: &[&str] =
    &["constructor", "prototype", "__proto__", "$eval", "$on", "getprototypeof", "getownpropertydescriptor", "charat"];

/// Behind `ng-`, attributes of AngularJS that are no events.
pub const ANGULAR: &[&str] = &["app", "bind-html", "csp", "include", "init", "on-"];

#[rustfmt::skip]
const OTHER_NEEDS: &[&str] = &[
    "<", "`", "script", "java", "j\t", "j\n", "j\r", "ja\t", "ja\n", "ja\r", "jav\t", "jav\n", "jav\r", "v\t", "v\n",
    "v\r", "vb\t", "vb\n", "vb\r", "vbs", "data:", "adw-", "&{", "style", "srcdoc", "formaction", "\"on", "\" on",
    "\"/on", "'on", "' on", "'/on", "alert", "confirm", "prompt", "eval", "atob", "msgbox", "settimeout", "setinterval",
    "setimmediate", "function", "constructor", "prototype", "__proto__", "fromcharcode", "import", "fetch",
    "expression", "xmlhttprequest", "document", "location", "innerhtml", "outerhtml", "$on", "charat", "getownproperty",
    "frames[", "globalthis[", "parent[", "self[", "this[", "top[", "window[", "*/[", "![", "+[", "[][", "~[", "';",
    "'-", "'+", "'*", "'/", "'%", "'&", "'|", "'^", "'?", "')", "'}", "']", "\";", "\"-", "\"+", "\"*", "\"/", "\"%",
    "\"&", "\"|", "\"^", "\"?", "\")", "\"}", "\"]",
];

const ALL_NEEDS: [&str; OTHER_NEEDS.len() + EVENTS.len()] = {
    let mut all = [""; OTHER_NEEDS.len() + EVENTS.len()];
    let mut i = 0;
    while i < all.len() {
        #[expect(clippy::indexing_slicing, reason = "const table, the index runs to its length")]
        {
            all[i] = if i < OTHER_NEEDS.len() { OTHER_NEEDS[i] } else { EVENTS[i - OTHER_NEEDS.len()] };
        }
        i += 1;
    }
    all
};

/// Literals in lower case, one of which stands in every value that [`super::detect`] flags, whatever the case there.
pub const NEEDS: &[&str] = &ALL_NEEDS;

const SIGNS: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"=:([.{}'\"`-\xbc";
    let mut i = 0;
    while i < marks.len() {
        #[expect(clippy::indexing_slicing, reason = "const table, the index is a byte")]
        {
            table[marks[i] as usize] = true;
        }
        i += 1;
    }
    table
};

/// Whether the scan stops at `byte`.
pub fn is_sign(byte: u8) -> bool {
    SIGNS.get(usize::from(byte)).copied().unwrap_or(false)
}
