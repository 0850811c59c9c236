//! What is inspected costs time linear in its bytes, for the dearest inputs that were found as well (`make dearest`).

use backstop::engine::{Engine, Inspection};
use backstop::path::Path;

use crate::cpu::assert_linear;
use crate::dear;

#[test]
fn time_is_linear_in_the_dearest_bodies() {
    let (engine, _) = Engine::configure(b"", 1_790_000_000).unwrap();
    let path = Path::normalise(b"/");
    for dear in dear::DEAR.iter().chain([&dear::PROSE]) {
        assert_linear(dear.name, &dear.text(4_000), &dear.text(40_000), |text| {
            let mut inspection = Inspection::new(&path, &|| 1_790_000_000);
            engine.inspect_body(dear.content_type.as_bytes(), text, true, &mut inspection);
        });
    }
}
