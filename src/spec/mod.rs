//! mesh.yaml as written: serde and the places of its values, nothing else.
