//! A root on its way to enough signatures.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::change::between;
use super::edit::apply;
use super::summary::ORDER;
use super::{Change, Edit, RootError, RootSummary, SignatureStatus, TrustedRoot};
use crate::primitives::Printable;
use crate::tuf::client::{ExpiryCheck, Stored, Update};
use crate::tuf::json::MAX_NUMBER;
use crate::tuf::metadata::{Root, SPEC_VERSION, Signed};
use crate::tuf::repository::NewFile;
use crate::tuf::{Draft, KeyId, Limits, PublicKey, Role, Signer, UtcTime};

/// The root that is to follow another, or the first one; checked, so that it can come to
/// something: everybody who has to sign exists, and a gateway would follow.
#[derive(Debug, Clone)]
pub struct ProposedRoot {
    before: Option<TrustedRoot>,
    next: Signed<Root>,
    draft: Draft,
}

impl ProposedRoot {
    /// The first root of a repository.
    pub(super) fn first(next: Signed<Root>) -> Result<Self, RootError> {
        Self::new(None, next)
    }

    /// A root that follows `before` and says the same.
    pub fn begin(
        before: TrustedRoot,
        signed_at: UtcTime,
        expires: UtcTime,
    ) -> Result<Self, RootError> {
        let version = before.signed.version.checked_add(1);
        let version = version.filter(|version| version.get() <= MAX_NUMBER);
        let next = Signed {
            spec_version: SPEC_VERSION.to_owned(),
            version: version.ok_or(RootError::LastVersion)?,
            expires,
            signed_at: Some(signed_at),
            ..before.signed.clone()
        };
        Self::new(Some(before), next)
    }

    /// Reads a proposal, which others may have written, to follow `before`. Signatures in it are
    /// not taken.
    pub fn read(before: Option<TrustedRoot>, bytes: &[u8]) -> Result<Self, RootError> {
        let draft = Draft::read(bytes, Role::Root).map_err(RootError::Metadata)?;
        let next = draft.content::<Root>().map_err(RootError::Metadata)?;
        Self::new(before, next)
    }

    fn new(before: Option<TrustedRoot>, next: Signed<Root>) -> Result<Self, RootError> {
        check(before.as_ref(), &next)?;
        let draft = Draft::of(&next)?;
        Ok(Self { before, next, draft })
    }

    /// The same with changes, to be signed anew by everyone.
    pub fn edited(
        self,
        edits: &[Edit],
        signed_at: UtcTime,
        expires: UtcTime,
    ) -> Result<Self, RootError> {
        let mut next = self.next;
        edits.iter().try_for_each(|edit| apply(&mut next.body, edit))?;
        (next.signed_at, next.expires) = (Some(signed_at), expires);
        Self::new(self.before, next)
    }

    /// What it says.
    #[must_use]
    pub fn summary(&self) -> RootSummary {
        RootSummary::of(&self.next)
    }

    /// What it changes; everything is new in the first root.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.before.as_ref().map(|before| between(&before.signed, &self.next)).unwrap_or_default()
    }

    /// Whether it is the first root of a repository.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// Exactly the bytes that are signed.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.draft.message()
    }

    /// The file of the proposal, without signatures.
    pub fn unsigned(&self) -> Result<Vec<u8>, RootError> {
        Ok(Draft::of(&self.next)?.to_bytes()?)
    }

    /// Who has signed and who is missing: under the root before it, and under itself.
    #[must_use]
    pub fn signature_statuses(&self) -> Vec<SignatureStatus> {
        let before = self.before.as_ref().map(|before| &before.signed);
        let roots = before.into_iter().chain([&self.next]);
        roots.map(|root| SignatureStatus::of(&self.draft, root)).collect()
    }

    /// Whether enough have signed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.signature_statuses().iter().all(SignatureStatus::is_complete)
    }

    /// Adds a signature that was kept in a file; false where it counts for nothing: the key does
    /// not hold the root role, or signed something else, such as the proposal before a change.
    pub fn add_signature(&mut self, id: &KeyId, signature: &str) -> bool {
        let keys: Vec<_> = self.holders().into_iter().filter(|(held, _)| held == id).collect();
        keys.iter().any(|(id, key)| self.draft.add(id, key, signature).is_ok())
    }

    /// Has `signer` sign; the signatures that were added, one for each id its key has.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<Vec<(KeyId, String)>, RootError> {
        let signature = signer.sign(self.message())?;
        self.admit(signer.public(), |draft, id, key| Ok(draft.add(id, key, &signature)?))
    }

    /// Adds a signature by `key` as another program wrote it.
    pub fn import(
        &mut self,
        key: &PublicKey,
        signature: &[u8],
    ) -> Result<Vec<(KeyId, String)>, RootError> {
        self.admit(key, |draft, id, key| Ok(draft.import(id, key, signature)?))
    }

    /// Whether `key` may sign it.
    pub fn check_holder(&self, key: &PublicKey) -> Result<(), RootError> {
        let holds = self.holders().iter().any(|(_, holder)| holder.is_same(key));
        if holds { Ok(()) } else { Err(RootError::NoHolder { key: key.id().short() }) }
    }

    fn admit(
        &mut self,
        key: &PublicKey,
        add: impl Fn(&mut Draft, &KeyId, &PublicKey) -> Result<(), RootError>,
    ) -> Result<Vec<(KeyId, String)>, RootError> {
        self.check_holder(key)?;
        let mut added = Vec::new();
        for (id, _) in self.holders().into_iter().filter(|(_, holder)| holder.is_same(key)) {
            add(&mut self.draft, &id, key)?;
            let signature = self.draft.signatures().find(|(by, _)| **by == id);
            added.extend(signature.map(|(by, text)| (by.clone(), text.to_owned())));
        }
        Ok(added)
    }

    /// Everyone whose signature counts for something, by id: those who hold the root role now and
    /// those who will.
    fn holders(&self) -> Vec<(KeyId, PublicKey)> {
        let before = self.before.iter().map(|before| &before.signed.body);
        let mut holders: Vec<(KeyId, PublicKey)> = Vec::new();
        for root in before.chain([&self.next.body]) {
            for id in &root.roles.root.keyids {
                let Some(key) = root.keys.get(id) else { continue };
                if !holders.iter().any(|(other, same)| other == id && same.is_same(key)) {
                    holders.push((id.clone(), key.clone()));
                }
            }
        }
        holders
    }

    /// The files that make it the newest root of the repository, if enough have signed and a
    /// gateway would follow at `now`.
    pub fn finish(&self, now: UtcTime) -> Result<Vec<NewFile>, RootError> {
        let version = self.next.version.get();
        if !self.is_complete() {
            return Err(RootError::Unsigned { version });
        }
        if self.next.expires <= now {
            return Err(RootError::Expired { expires: self.next.expires, now });
        }
        let content = self.draft.to_bytes()?;
        let accept = || {
            let begin = |root: &[u8], expiry| {
                Update::begin(Stored::provisioned(root.to_vec()), expiry, Limits::GATEWAY)
            };
            if let Some(before) = &self.before {
                begin(&before.bytes, ExpiryCheck::Never)?.supply(Some(content.clone()))?;
            }
            begin(&content, ExpiryCheck::At(now)).map(drop)
        };
        accept().map_err(RootError::Refused)?;
        let paths = [Role::Root.path(Some(version)), Role::Root.path(None)];
        Ok(paths.into_iter().map(|path| NewFile { path, content: content.clone() }).collect())
    }
}

/// Refuses what could never become a root, or could never be followed by another.
fn check(before: Option<&TrustedRoot>, next: &Signed<Root>) -> Result<(), RootError> {
    let wanted = before.map_or(Some(NonZeroU64::MIN), |b| b.signed.version.checked_add(1));
    let wanted = wanted.ok_or(RootError::LastVersion)?;
    if next.version != wanted {
        let (found, wanted) = (next.version.get(), wanted.get());
        return Err(RootError::Version { found, wanted });
    }
    if let Some(before) = before
        && before.signed.body.mesh != next.body.mesh
    {
        let text = |root: &Root| root.mesh.as_ref().map_or("none".to_owned(), ToString::to_string);
        let (wanted, found) = (text(&before.signed.body), text(&next.body));
        return Err(RootError::Mesh { wanted, found });
    }
    if !next.body.consistent_snapshot {
        return Err(RootError::Snapshots);
    }
    if let Some(now) = next.signed_at.filter(|&now| next.expires <= now) {
        return Err(RootError::Expired { expires: next.expires, now });
    }
    let mut seen = BTreeMap::new();
    for (id, key) in &next.body.keys {
        let Some(verifier) = key.verifier() else { continue };
        if let Some(one) = seen.insert(verifier.material(), id) {
            let short = |id: &KeyId| Printable(&id.short()).to_string();
            return Err(RootError::SameKey { one: short(one), two: short(id) });
        }
    }
    ORDER.into_iter().try_for_each(|role| reachable(&next.body, role))
}

/// Refuses a role whose holders can never be enough.
fn reachable(root: &Root, role: Role) -> Result<(), RootError> {
    let holders = root.roles.of(role);
    let mut usable = 0;
    for id in &holders.keyids {
        let key = root.keys.get(id).ok_or_else(|| {
            let key = Printable(&id.short()).to_string();
            RootError::UnknownHolder { role, key }
        })?;
        usable += usize::from(key.verifier().is_some());
    }
    let threshold = holders.threshold.get();
    if threshold > usable as u64 {
        return Err(RootError::Threshold { role, keys: usable, threshold });
    }
    Ok(())
}
