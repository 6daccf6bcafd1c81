//! What is a module without a derive: parameters, lists of modules, and settings.

use std::marker::PhantomData;

use tape::Param;
use tensor::Float;

use super::{Module, Visitor, VisitorMut};

impl<T: Float> Module for Param<T> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        visitor.param(self.into());
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        visitor.param(self.into());
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        (**self).visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        (**self).visit_mut(visitor);
    }
}

/// Adds nothing to the path.
impl<M: Module> Module for Option<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        if let Some(module) = self {
            module.visit_mut(visitor);
        }
    }
}

/// Each module under its index.
impl<M: Module> Module for [M] {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self.iter().enumerate().for_each(|(i, module)| visitor.field(i, module));
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self.iter_mut().enumerate().for_each(|(i, module)| visitor.field(i, module));
    }
}

/// Each module under its index.
impl<M: Module> Module for Vec<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self[..].visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self[..].visit_mut(visitor);
    }
}

/// Each module under its index.
impl<M: Module, const N: usize> Module for [M; N] {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self[..].visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self[..].visit_mut(visitor);
    }
}

macro_rules! tuple {
    ($($m:ident $i:tt),+) => {
        /// Each module under its position.
        impl<$($m: Module),+> Module for ($($m,)+) {
            fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
                $(visitor.field($i, &self.$i);)+
            }
            fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
                $(visitor.field($i, &mut self.$i);)+
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Settings hold no parameters. (Types by name: an implementation for all that is not a module
/// would overlook a module whose derive was forgotten.)
macro_rules! setting {
    ($($t:ty),*) => {$(
        impl Module for $t {
            fn visit<'m>(&'m self, _: &mut Visitor<'_, 'm>) {}
            fn visit_mut<'m>(&'m mut self, _: &mut VisitorMut<'_, 'm>) {}
        }
    )*};
}
setting!((), bool, char, String, &'static str, f32, f64, crate::Activation);
setting!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl<T: ?Sized> Module for PhantomData<T> {
    fn visit<'m>(&'m self, _: &mut Visitor<'_, 'm>) {}
    fn visit_mut<'m>(&'m mut self, _: &mut VisitorMut<'_, 'm>) {}
}
