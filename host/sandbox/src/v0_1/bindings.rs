//! Generated from `wit/`: every import and every export in one world, of which a plugin has some exports.
#![allow(missing_docs, unsafe_code, unused_qualifications, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package konductor:host@0.1.0;

        world every-export {
            include konductor:plugin/imports@0.1.0;
            export konductor:plugin/plugin@0.1.0;
            export konductor:plugin/provider@0.1.0;
            export konductor:plugin/operations@0.1.0;
            export konductor:plugin/module@0.1.0;
            export konductor:plugin/compliance@0.1.0;
        }",
    imports: { default: async | trappable },
    exports: { default: async },
});
