//! The macro that makes a plugin of a type.

use std::marker::PhantomData;

/// Stands between the bindings and a [`Plugin`](crate::Plugin).
#[doc(hidden)]
pub struct ProviderAdapter<P>(PhantomData<P>);

/// Exports a [`Plugin`](crate::Plugin) as a component of the world `provider-plugin`. Outside WebAssembly it
/// does nothing, so that a plugin's types can be tested natively.
#[macro_export]
macro_rules! export_provider {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::ProviderAdapter<$plugin>;
    $crate::bindings::export_provider_plugin!(Exported with_types_in $crate::bindings);
        };
    };
}
