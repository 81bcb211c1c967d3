//! stub
use std::marker::PhantomData;
/// stub
#[derive(Debug)]
pub struct Session<T>(PhantomData<fn() -> T>);
impl<T> Clone for Session<T> {
    fn clone(&self) -> Self {
        Session(PhantomData)
    }
}
