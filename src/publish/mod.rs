//! A release onto git: one branch per gateway, and one for people.
