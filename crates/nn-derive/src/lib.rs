//! `#[derive(Module)]`, re-exported by `nn` next to the trait of the same name.
//!
//! The derived methods visit the fields in the order of their declaration, each under its own name,
//! a field of a tuple struct under its position. A tuple of one field is transparent: it adds
//! nothing to the path, as in serde. An enum visits the fields of the variant it is.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Generics, Ident, Token, WherePredicate};
use syn::{Error, Result, Type, parse_macro_input, parse_quote};

/// Implements `nn::Module` for a struct or an enum whose fields are modules.
///
/// `#[module(skip)]` leaves out a field that holds no parameters and whose type is no module.
///
/// A type parameter without any bound is taken to be a module: `struct Twice<M>(M, M)` is a module
/// where `M` is. One that has a bound, such as `T: Float`, keeps what it has.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: DeriveInput) -> Result<TokenStream> {
    no_attribute(&input.attrs)?;
    let variants: Vec<(TokenStream, &Fields)> = match &input.data {
        Data::Struct(data) => vec![(quote!(Self), &data.fields)],
        Data::Enum(data) => {
            data.variants.iter().try_for_each(|v| no_attribute(&v.attrs))?;
            let named = data.variants.iter().map(|v| (&v.ident, &v.fields));
            named.map(|(name, fields)| (quote!(Self::#name), fields)).collect()
        }
        Data::Union(data) => {
            let text =
                "a union cannot be a module: which of its fields holds parameters is not known";
            return Err(Error::new(data.union_token.span, text));
        }
    };
    let shared = body(&variants, &format_ident!("visit"))?;
    let mutable = body(&variants, &format_ident!("visit_mut"))?;
    let name = &input.ident;
    let generics = bounded(input.generics.clone());
    let (params, arguments, clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables, reason = "a module without parameters visits nothing")]
        impl #params ::nn::Module for #name #arguments #clause {
            fn visit<'nn_module>(
                &'nn_module self,
                visitor: &mut ::nn::Visitor<'_, 'nn_module>,
            ) {
                #shared
            }
            fn visit_mut<'nn_module>(
                &'nn_module mut self,
                visitor: &mut ::nn::VisitorMut<'_, 'nn_module>,
            ) {
                #mutable
            }
        }
    })
}

/// The match over the variants, which a struct has one of.
fn body(variants: &[(TokenStream, &Fields)], method: &Ident) -> Result<TokenStream> {
    if variants.is_empty() {
        return Ok(quote!(match *self {}));
    }
    let arms = variants.iter().map(|(path, fields)| arm(path, fields, method));
    let arms = arms.collect::<Result<Vec<_>>>()?;
    Ok(quote!(match self { #(#arms)* }))
}

/// Binds the fields that are not skipped and visits each.
fn arm(path: &TokenStream, fields: &Fields, method: &Ident) -> Result<TokenStream> {
    let transparent = matches!(fields, Fields::Unnamed(f) if f.unnamed.len() == 1);
    let (mut bindings, mut visits) = (Vec::new(), Vec::new());
    for (position, field) in fields.iter().enumerate() {
        if is_skipped(field)? {
            continue;
        }
        let member = member(field, position);
        // Hygiene keeps the binding apart from `visitor` whatever the field is called.
        let binding = Ident::new(&format!("field_{position}"), Span::mixed_site());
        bindings.push(quote!(#member: #binding,));
        let name = match &field.ident {
            Some(ident) => ident.unraw().to_string(),
            None => position.to_string(),
        };
        // The span makes the compiler point at the field whose type is no module.
        let span = Span::call_site().located_at(field.ty.span());
        visits.push(if transparent {
            quote_spanned!(span=> ::nn::Module::#method(#binding, visitor);)
        } else {
            quote_spanned!(span=> visitor.field(#name, #binding);)
        });
    }
    Ok(quote!(#path { #(#bindings)* .. } => { #(#visits)* }))
}

/// The field as a pattern names it: `weight`, or `0`.
fn member(field: &Field, position: usize) -> TokenStream {
    match &field.ident {
        Some(ident) => quote!(#ident),
        None => {
            let index = syn::Index::from(position);
            quote!(#index)
        }
    }
}

/// Whether `#[module(skip)]` stands on the field; anything else in that attribute is an error.
fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("skip") {
                return Err(meta.error("unknown option: the only one is `#[module(skip)]`"));
            }
            skipped = true;
            Ok(())
        })?;
    }
    Ok(skipped)
}

/// Refuses `#[module(..)]` where it would mean nothing.
fn no_attribute(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|a| a.path().is_ident("module")) {
        Some(a) => Err(Error::new(a.span(), "`#[module(skip)]` belongs on a field")),
        None => Ok(()),
    }
}

/// Adds `P: Module` for each type parameter that has no bound of its own.
///
/// Bounds on the types of the fields instead would be exact, but make a recursive type's impl
/// depend on itself; bounds on all parameters, as the standard derives have, would ask `T: Module`
/// of the element type of every layer.
fn bounded(mut generics: Generics) -> Generics {
    let clause = generics.where_clause.iter().flat_map(|c| c.predicates.iter());
    let named: Vec<Ident> = clause.filter_map(subject).collect();
    let free = generics.type_params().filter(|p| p.bounds.is_empty() && !named.contains(&p.ident));
    let predicates: Punctuated<WherePredicate, Token![,]> = free
        .map(|p| &p.ident)
        .map(|p| -> WherePredicate { parse_quote!(#p: ::nn::Module) })
        .collect();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

/// The type parameter that a clause `P: ..` is about.
fn subject(predicate: &WherePredicate) -> Option<Ident> {
    match predicate {
        WherePredicate::Type(p) => match &p.bounded_ty {
            Type::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(input: DeriveInput) -> String {
        expand(input).expect_err("must be refused").to_string()
    }

    #[test]
    fn what_cannot_be_a_module_is_refused_with_a_reason() {
        assert!(error_of(parse_quote!(union U { a: f32, b: u32 })).contains("union"));
        let text = error_of(parse_quote!(
            struct S {
                #[module(skp)]
                a: f32,
            }
        ));
        assert_eq!(text, "unknown option: the only one is `#[module(skip)]`");
        let text = error_of(parse_quote!(
            #[module(skip)]
            struct S;
        ));
        assert_eq!(text, "`#[module(skip)]` belongs on a field");
        let text = error_of(parse_quote!(
            enum E {
                #[module(skip)]
                A(f32),
            }
        ));
        assert_eq!(text, "`#[module(skip)]` belongs on a field");
    }

    #[test]
    fn only_parameters_without_a_bound_get_one() {
        let clause = |input: DeriveInput| {
            let generics = bounded(input.generics);
            generics.where_clause.map(|c| quote!(#c).to_string()).unwrap_or_default()
        };
        assert_eq!(
            clause(parse_quote!(
                struct A<M>(M);
            )),
            "where M : :: nn :: Module"
        );
        assert_eq!(
            clause(parse_quote!(
                struct A<T: Float>(T);
            )),
            ""
        );
        assert_eq!(
            clause(parse_quote!(
                struct A<T>(T)
                where
                    T: Float;
            )),
            "where T : Float"
        );
        assert_eq!(
            clause(parse_quote!(
                struct A<'a, const N: usize>([u8; N]);
            )),
            ""
        );
    }
}
