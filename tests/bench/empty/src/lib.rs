//! A Proxy-Wasm filter that does nothing; one whose config is a number reads that many bytes of each body before it lets
//! the request go on.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

struct Root {
    read_bytes: usize,
}

struct Empty {
    left_to_read: usize,
}

impl Context for Empty {}
impl HttpContext for Empty {
    fn on_http_request_body(&mut self, held_bytes: usize, end_of_stream: bool) -> Action {
        if self.left_to_read == 0 {
            return Action::Continue;
        }
        if held_bytes < self.left_to_read && !end_of_stream {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, self.left_to_read);
        assert!(body.is_some_and(|body| !body.is_empty()), "a body that came can be read");
        self.left_to_read = 0;
        Action::Continue
    }
}

impl Context for Root {}
impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let config = self.get_plugin_configuration().and_then(|bytes| String::from_utf8(bytes).ok());
        self.read_bytes = config.and_then(|text| text.parse().ok()).unwrap_or(0);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Empty { left_to_read: self.read_bytes }))
    }
}

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root { read_bytes: 0 }));
}}
