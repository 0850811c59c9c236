//! Which host call is made to fail, when, and with which status.

/// The host calls of the module, by the name that it imports them under.
macro_rules! calls {
    ($($call:ident $name:literal)*) => {
        /// A host call.
        #[expect(clippy::enum_variant_names, reason = "`HttpCall` is the name that the ABI has for it")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Call { $($call,)* }

        impl Call {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$call,)*];

            /// The name that the module imports it under.
            pub fn name(self) -> &'static str {
                match self { $(Self::$call => $name,)* }
            }
        }
    };
}

calls! {
    Log "proxy_log"
    GetLogLevel "proxy_get_log_level"
    GetTime "proxy_get_current_time_nanoseconds"
    GetProperty "proxy_get_property"
    SetProperty "proxy_set_property"
    GetBuffer "proxy_get_buffer_bytes"
    GetHeaders "proxy_get_header_map_pairs"
    AddHeader "proxy_add_header_map_value"
    RemoveHeader "proxy_remove_header_map_value"
    SendResponse "proxy_send_local_response"
    GetShared "proxy_get_shared_data"
    SetShared "proxy_set_shared_data"
    HttpCall "proxy_http_call"
    ActAs "proxy_set_effective_context"
    DefineMetric "proxy_define_metric"
    SetTick "proxy_set_tick_period_milliseconds"
    Increment "proxy_increment_metric"
    Record "proxy_record_metric"
    GetMetric "proxy_get_metric"
    Clock "clock_time_get"
    Environ "environ_get"
    EnvironSizes "environ_sizes_get"
    Write "fd_write"
}

/// Every status of the ABI 0.2.1 but "ok", and three that no host should give.
pub const STATUSES: [u32; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255, u32::MAX];
/// There is nothing of that name: no failure for shared data.
pub const NOT_FOUND: u32 = 1;
/// Another worker was faster: tried again.
pub const CAS_MISMATCH: u32 = 8;

/// What fails while one callback runs.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// Nothing.
    Nothing,
    /// One kind of call: from the one after `skip` on, only that one or all.
    One { call: Call, skip: u32, every: bool, status: u32 },
    /// Calls at random, so many of a thousand; only those whose failure backstop must count, or all.
    Some { per_mille: u32, counted_only: bool },
}
