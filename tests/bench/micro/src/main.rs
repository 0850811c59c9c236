//! `micro NAME`: serves one request again and again, for callgrind, which counts only what happens inside [`served`].

use std::rc::Rc;

use backstop::engine::Engine;
use micro::{Recorded, World, engine, is_refused};

/// How often callgrind sees the request; what it counts is divided by this.
const SERVED: usize = 100;
/// Regular expressions and buffers are made when first needed, and stay.
const WARM_UP: usize = 20;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let (engine, request) = (engine(), Recorded::named(&name));
    let world = World::new(&request.body);
    for _ in 0..WARM_UP {
        let _ = is_refused(&engine, &request, &world);
    }
    let refused = served(&engine, &request, &world);
    println!("{SERVED} served, {refused} refused");
}

#[inline(never)]
fn served(engine: &Rc<Engine>, request: &Recorded, world: &World<'_>) -> usize {
    (0..SERVED).filter(|_| is_refused(engine, request, world)).count()
}
