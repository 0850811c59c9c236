//! The words of SQL that the judge knows, by the part they play.

use super::token::Kind;

/// What part `word` plays in a statement; [`Kind::Word`] if none that the judge knows. Letter case is ignored.
pub(super) fn kind(word: &[u8]) -> Kind {
    let Some(first) = word.first().filter(|_| word.len() <= LONGEST) else { return Kind::Word };
    let lengths = LENGTHS.get(usize::from((first | 0x20).wrapping_sub(b'a'))).copied().unwrap_or(0);
    if lengths & 1 << word.len() != 0 {
        let mut slot = slot(key(word));
        while let Some((keyword, kind)) = SLOTS.get(slot).and_then(|index| KEYWORDS.get(usize::from(*index))) {
            if keyword.as_bytes().eq_ignore_ascii_case(word) {
                return *kind;
            }
            slot = slot.wrapping_add(1) % SLOTS.len();
        }
    }
    if lengths & PREFIXED == 0 {
        return Kind::Word;
    }
    PREFIXES
        .iter()
        .find(|(prefix, _)| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())))
        .map_or(Kind::Word, |(_, kind)| *kind)
}

/// Every keyword, and the beginnings of names that count as one.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Kind)> {
    KEYWORDS.iter().chain(PREFIXES).copied()
}

/// The last eight bytes of `word` in lower case as a number, its length mixed in.
const fn key(word: &[u8]) -> u64 {
    let mut key = word.len() as u64;
    let mut rest = word;
    while let [byte, after @ ..] = rest {
        key = key << 8 ^ key >> 56 ^ (*byte | 0x20) as u64;
        rest = after;
    }
    key
}

/// Where the search for a word with `key` begins in [`SLOTS`].
const fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as usize
}

/// Longer words are nobody's keyword.
const LONGEST: usize = 30;

/// Families of names that vendors keep adding to.
const PREFIXES: &[(&str, Kind)] = &[
    ("dbms_", Kind::Schema),
    ("information_schem", Kind::Schema),
    ("jsonb_", Kind::Danger),
    ("pg_", Kind::Danger),
    ("rdb$", Kind::Schema),
    ("sp_", Kind::Procedure),
    ("sqlite_", Kind::Danger),
    ("utl_", Kind::Schema),
    ("v$", Kind::Schema),
    ("xp_", Kind::Procedure),
];

/// Marks, in [`LENGTHS`], a first letter that one of [`PREFIXES`] has.
const PREFIXED: u32 = 1 << 31;

/// For each first letter, the lengths of the keywords that begin with it, as bits: most words end here.
const LENGTHS: [u32; 26] = lengths();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only")]
const fn lengths() -> [u32; 26] {
    let mut lengths = [0; 26];
    let mut at = 0;
    while at < KEYWORDS.len() {
        let word = KEYWORDS[at].0.as_bytes();
        assert!(word.len() <= LONGEST);
        lengths[(word[0] - b'a') as usize] |= 1 << word.len();
        at += 1;
    }
    at = 0;
    while at < PREFIXES.len() {
        lengths[(PREFIXES[at].0.as_bytes()[0] - b'a') as usize] |= PREFIXED;
        at += 1;
    }
    lengths
}

/// A hash table with open addressing: the index in [`KEYWORDS`] of the word in each slot, or one that is out of range.
const SLOTS: [u16; 2048] = slots();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only")]
const fn slots() -> [u16; 2048] {
    let mut slots = [u16::MAX; 2048];
    let mut at = 0;
    while at < KEYWORDS.len() {
        let mut slot = slot(key(KEYWORDS[at].0.as_bytes()));
        while slots[slot] != u16::MAX {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = at as u16;
        at += 1;
    }
    slots
}

macro_rules! keywords {
    ($($kind:ident: $($word:literal)+;)*) => {
        const KEYWORDS: &[(&str, Kind)] = &[$($(($word, Kind::$kind),)+)*];
    };
}

keywords! {
    Or: "or";
    And: "and";
    Xor: "xor";
    Not: "not";
    ArithWord: "div" "mod";
    Like: "glob" "ilike" "like" "regexp" "rlike" "similar" "sounds";
    In: "in";
    Is: "is";
    Between: "between";
    Null: "false" "null" "true" "unknown";
    Union: "except" "intersect" "minus" "union";
    Select: "select";
    All: "all" "any" "distinct" "distinctrow" "some" "top" "unique";
    From: "from";
    Where: "where";
    Having: "having";
    Group: "group";
    Order: "order";
    By: "by";
    Limit: "fetch" "limit" "offset";
    Into: "into";
    Values: "value" "values";
    Set: "set";
    As: "as";
    Join: "join";
    Case: "case";
    When: "when";
    Then: "then";
    If: "if" "iif";
    Exists: "exists";
    Insert: "insert";
    Replace: "replace";
    Update: "update";
    Delete: "delete";
    Drop: "drop" "truncate";
    Alter: "alter";
    Create: "create";
    Object:
        "database" "function" "index" "login" "procedure" "role" "schema" "sequence" "table" "tablespace" "trigger"
        "user" "view";
    Execute: "exec" "execute";
    Immediate: "immediate";
    Declare: "declare";
    Grant: "grant" "revoke";
    Waitfor: "waitfor";
    Delay: "delay";
    Shutdown: "shutdown";
    Begin: "begin";
    Call: "call";
    Load: "load";
    Copy: "copy";
    Bulk: "bulk";
    Merge: "merge";
    Backup: "backup";
    Outfile: "dumpfile" "infile" "outfile";
    Analyse: "analyse" "analyze";
    Schema: "ctxsys" "information_schema" "msysobjects"
        "owa_util" "sqlite_master" "syscat" "syscolumns" "sysdatabases" "sysibm" "sysobjects";
    Chars: "char" "chr" "nchar" "unichr";
    Type:
        "bigint" "binary" "precision" "bool" "boolean" "bytea" "date" "decimal" "double" "float" "int" "integer" "json" "jsonb"
        "numeric" "nvarchar" "real" "regclass" "signed" "smallint" "text" "timestamp" "unsigned" "varchar" "varchar2";
    Danger:
        "aes_decrypt" "aes_encrypt" "array_agg" "benchmark" "bit_xor" "col_name" "concat_ws" "connection_id"
        "copy_from_program" "crypt_key" "current_setting" "database_to_xml" "db_name" "dblink" "dblink_connect"
        "dblink_exec" "des_decrypt" "des_encrypt" "elt" "extractvalue" "find_in_set" "fn_get_audit_file"
        "fn_trace_gettable" "fn_xe_file_target_read_file" "found_rows" "generate_series" "geometrycollection" "get_lock"
        "group_concat" "gtid_subset" "gtid_subtract" "has_dbaccess" "httpuritype" "is_member" "is_srvrolemember"
        "json_arrayagg" "json_build_object" "json_depth" "json_extract" "json_keys" "json_length" "json_objectagg"
        "json_value" "last_insert_id" "linestring" "listagg" "lo_export" "lo_get" "lo_import" "lo_put" "load_extension"
        "load_file" "make_set" "master_pos_wait" "multilinestring" "multipoint" "multipolygon" "name_const" "object_id"
        "object_name" "opendatasource" "openquery" "openrowset" "polygon" "query_to_xml" "quote_literal" "randomblob"
        "regexp_substring" "row_count" "row_to_json" "session_user" "set_config" "sleep" "st_latfromgeohash"
        "st_longfromgeohash" "st_pointfromgeohash" "string_agg" "substring_index" "suser_name" "suser_sname"
        "sys_context" "sys_eval" "sys_exec" "sys_fn_builtin_permissions" "system_user" "table_to_xml" "unistr"
        "updatexml" "user_name" "userenv" "uuid_to_bin" "wm_concat" "xmlelement" "xmlforest" "xmltype" "zeroblob";
    Function:
        "abs" "acos" "array" "array_to_string" "ascii" "asin" "atan" "avg" "bin" "bit_length" "cast" "ceil" "ceiling"
        "char_length" "character_length" "charindex" "charset" "coalesce" "coercibility" "collation" "compress" "concat"
        "conv" "convert" "cos" "count" "crc32" "curdate" "current_database" "current_date" "current_schema"
        "current_timestamp" "current_user" "curtime" "date_add" "date_sub" "decode" "degrees" "difference" "dump"
        "encode" "encrypt" "exp" "extract" "field" "floor" "format" "from_base64" "from_unixtime" "getdate" "greatest"
        "hex" "hextoraw" "host_name" "ifnull" "instr" "interval" "isnull" "lcase" "least" "left" "len" "length" "ln"
        "locate" "log" "lower" "lpad" "ltrim" "max" "md5" "mid" "min" "now" "nullif" "nvl" "nvl2" "oct" "octet_length"
        "old_password" "ord" "password" "patindex" "pi" "position" "pow" "power" "quote" "radians" "rand" "random"
        "rawtohex" "repeat" "replicate" "reverse" "right" "round" "rpad" "rtrim" "sha" "sha1" "sha2" "sign" "sin"
        "soundex" "space" "sqrt" "strcmp" "stuff" "substr" "substring" "sum" "sysdate" "tan" "to_base64" "to_char"
        "to_date" "to_number" "translate" "trim" "try_convert" "typeof" "ucase" "uncompress" "unhex" "unix_timestamp"
        "upper" "utc_timestamp" "version";
}
