//! The numbers of the ABI against those of the Rust SDK.

use backstop::filter::codes::{Action, BufferType, CAS_MISMATCH, COUNTER, LogLevel, MapType, NOT_FOUND, OK};
use proxy_wasm::types;

#[test]
fn numbers_are_those_of_the_sdk() {
    assert_eq!(Action::Continue as u32, types::Action::Continue as u32);
    assert_eq!(Action::Pause as u32, types::Action::Pause as u32);
    assert_eq!(LogLevel::Trace as u32, types::LogLevel::Trace as u32);
    assert_eq!(LogLevel::Debug as u32, types::LogLevel::Debug as u32);
    assert_eq!(LogLevel::Info as u32, types::LogLevel::Info as u32);
    assert_eq!(LogLevel::Warn as u32, types::LogLevel::Warn as u32);
    assert_eq!(LogLevel::Error as u32, types::LogLevel::Error as u32);
    assert_eq!(LogLevel::Critical as u32, types::LogLevel::Critical as u32);
    assert_eq!(MapType::RequestHeaders as u32, types::MapType::HttpRequestHeaders as u32);
    assert_eq!(MapType::RequestTrailers as u32, types::MapType::HttpRequestTrailers as u32);
    assert_eq!(MapType::ResponseHeaders as u32, types::MapType::HttpResponseHeaders as u32);
    assert_eq!(MapType::CallResponseHeaders as u32, types::MapType::HttpCallResponseHeaders as u32);
    assert_eq!(BufferType::RequestBody as u32, types::BufferType::HttpRequestBody as u32);
    assert_eq!(BufferType::PluginConfiguration as u32, types::BufferType::PluginConfiguration as u32);
    assert_eq!(COUNTER, types::MetricType::Counter as u32);
    assert_eq!(OK, types::Status::Ok as u32);
    assert_eq!(NOT_FOUND, types::Status::NotFound as u32);
    assert_eq!(CAS_MISMATCH, types::Status::CasMismatch as u32);
}
