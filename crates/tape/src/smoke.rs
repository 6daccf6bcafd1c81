use crate::*;
use tensor::tensor;
#[test]
fn smoke() {
    let tape = Tape::new();
    let x = tape.constant(tensor![[1.0, 2.0], [3.0, 4.0]]);
    let w = tape.leaf(tensor![[0.5], [-0.25]]);
    let loss = ((x * w.reshape([1, 2])).tanh() - 1.0).square().sum();
    let [dw] = loss.grad([w]);
    let [ddw] = dw.sum().grad([w]);
    let (l, d) = tape.eval((loss, ddw)).unwrap();
    println!("{} {:?}", l.item(), d.to_vec());
    println!("{:?}", tape.stats());
    let p = Param::new(tensor![1.0, 2.0]);
    let t = Tape::new();
    let v = t.param(&p);
    let l = (v * v * 3.0).sum();
    let g = l.backward();
    assert_eq!(g[&p].to_vec(), vec![6.0, 12.0]);
    assert_eq!(l.item(), 15.0);
    println!("{:?}", t.stats());
}
#[test]
fn chain() {
    let n = 1_000_000;
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || {
            let t0 = std::time::Instant::now();
            let t = Tape::new();
            let x = t.leaf(1.0);
            let mut y = x;
            for _ in 0..n / 2 {
                y = y + y.mul0(x);
            }
            println!("record {:?}", t0.elapsed());
            let t0 = std::time::Instant::now();
            y.item();
            println!("eval {:?}", t0.elapsed());
            let t0 = std::time::Instant::now();
            let [g] = y.grad([x]);
            println!("grad {:?}", t0.elapsed());
            let t0 = std::time::Instant::now();
            g.item();
            println!("eval {:?} {:?}", t0.elapsed(), t.stats());
        })
        .unwrap()
        .join()
        .unwrap();
}
