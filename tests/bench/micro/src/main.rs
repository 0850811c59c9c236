//! `micro FILE`: serves the requests of a file in turn, for callgrind, which counts only what happens inside [`served`].

use std::rc::Rc;

use backstop::engine::Engine;
use micro::{Recorded, World, engine, is_refused};

/// So many requests are counted, after as many that are not: expressions and buffers are made when first needed, and stay.
const SERVED: usize = 200;

#[expect(clippy::disallowed_methods, reason = "this is a command line")]
fn main() {
    let path = std::env::args_os().nth(1).expect("the path of a file with requests");
    let requests = Recorded::all(&std::fs::read(path).expect("a file that can be read"));
    let (engine, world) = (engine(), World::default());
    let mut requests = requests.iter().cycle();
    for request in requests.by_ref().take(SERVED) {
        world.hold(&request.body);
        let _ = is_refused(&engine, request, &world);
    }
    let refused = served(&engine, requests.take(SERVED), &world);
    println!("{SERVED} served, {refused} refused");
}

#[inline(never)]
fn served<'r>(engine: &Rc<Engine>, requests: impl Iterator<Item = &'r Recorded>, world: &World<'r>) -> usize {
    let refused = requests.filter(|request| {
        world.hold(&request.body);
        is_refused(engine, request, world)
    });
    refused.count()
}
