//! Parameters of either element type, for code that visits a module of any.

use std::any::Any;

use tape::{Param, ParamId};
use tensor::{AnyTensor, DType, Float};

/// A parameter of either element type.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum ParamRef<'a> {
    F32(&'a Param<f32>),
    F64(&'a Param<f64>),
}

/// A parameter of either element type, to be changed.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum ParamMut<'a> {
    F32(&'a mut Param<f32>),
    F64(&'a mut Param<f64>),
}

/// `Float` is sealed to the two types of the variants.
const SEALED: &str = "a float is f32 or f64";

impl<'a, T: Float> From<&'a Param<T>> for ParamRef<'a> {
    fn from(param: &'a Param<T>) -> Self {
        let param: &dyn Any = param;
        match param.downcast_ref() {
            Some(param) => ParamRef::F32(param),
            None => ParamRef::F64(param.downcast_ref().expect(SEALED)),
        }
    }
}

impl<'a, T: Float> From<&'a mut Param<T>> for ParamMut<'a> {
    fn from(param: &'a mut Param<T>) -> Self {
        let param: &mut dyn Any = param;
        if param.is::<Param<f32>>() {
            ParamMut::F32(param.downcast_mut().expect(SEALED))
        } else {
            ParamMut::F64(param.downcast_mut().expect(SEALED))
        }
    }
}

/// Runs `$body` with `$p` bound to what either variant holds.
macro_rules! each {
    ($any:expr, $enum:ident, $p:ident => $body:expr) => {
        match $any {
            $enum::F32($p) => $body,
            $enum::F64($p) => $body,
        }
    };
}

impl<'a> ParamRef<'a> {
    /// Its identity.
    pub fn id(self) -> ParamId {
        each!(self, ParamRef, p => p.id())
    }

    /// Its element type.
    pub fn dtype(self) -> DType {
        match self {
            ParamRef::F32(_) => DType::F32,
            ParamRef::F64(_) => DType::F64,
        }
    }

    /// Sizes of its axes.
    pub fn shape(self) -> &'a [usize] {
        each!(self, ParamRef, p => p.shape())
    }

    /// The number of its elements.
    pub fn len(self) -> usize {
        each!(self, ParamRef, p => p.len())
    }

    /// Whether it has no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it is left out of training.
    pub fn is_frozen(self) -> bool {
        each!(self, ParamRef, p => p.is_frozen())
    }

    /// Its value, which shares the buffer.
    pub fn value(self) -> AnyTensor {
        match self {
            ParamRef::F32(p) => AnyTensor::F32(p.value().clone()),
            ParamRef::F64(p) => AnyTensor::F64(p.value().clone()),
        }
    }

    /// The parameter, if its elements are `T`.
    pub fn get<T: Float>(self) -> Option<&'a Param<T>> {
        each!(self, ParamRef, p => (p as &dyn Any).downcast_ref())
    }
}

impl<'a> ParamMut<'a> {
    /// The parameter, to read.
    pub fn as_ref(&self) -> ParamRef<'_> {
        match self {
            ParamMut::F32(p) => ParamRef::F32(p),
            ParamMut::F64(p) => ParamRef::F64(p),
        }
    }

    /// Leaves it out of training, or takes it back in.
    pub fn set_frozen(&mut self, frozen: bool) {
        each!(self, ParamMut, p => p.set_frozen(frozen));
    }

    /// The parameter, if its elements are `T`.
    pub fn get<T: Float>(self) -> Option<&'a mut Param<T>> {
        each!(self, ParamMut, p => (p as &mut dyn Any).downcast_mut())
    }
}
