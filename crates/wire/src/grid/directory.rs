//! The directory of a network's jobs: what its pages list, and who holds a page.
//!
//! A page is a key; whoever is the root of it remembers for a while what it was told. What a listing
//! proves is that its creator created this job (and, if it is so, cancelled it). Who owns it and how
//! far it is are hearsay: the job's record says it better.

use alloc::vec::Vec;

use base::codec;
use base::{Bounded, IdentityError, Key, Network, Signature};
use serde::{Deserialize, Serialize};

use super::{JobId, SignedDescription, Tenure, cancel_bytes};

/// Pages of the directory: so many nodes share it.
pub const PAGES: u8 = 16;
/// Listings in one message.
pub const LISTINGS_MAX: usize = 64;
/// Bytes of the listings in one message: a control message with room for its envelope. A single
/// listing is shorter.
const LISTINGS_BYTES_MAX: usize = 32 * 1024;

const PAGE_DOMAIN: &[u8] = b"millefeuille/jobs/1";

/// The page that lists a job.
#[must_use]
pub fn page_of(job: JobId) -> u8 {
    // The low bits are a hash of the job; the high ones are its creator's.
    (job.value() % u128::from(PAGES)) as u8
}

/// The key whose root holds a page.
#[must_use]
pub fn page_key(page: u8) -> Key {
    Key::hash_of(&[PAGE_DOMAIN, &[page]])
}

/// One job, as the directory lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// What it is.
    pub job: SignedDescription,
    /// Who owns it, as far as this listing knows.
    pub tenure: Tenure,
    /// Tasks done.
    pub done: u32,
    /// The creator's word that it is over.
    pub cancelled: Option<Signature>,
}

/// Some of a page's listings.
pub type Listings = Bounded<Listing, LISTINGS_MAX>;

impl Listing {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.job.description.job()
    }

    /// Every task is done, or the job was cancelled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.cancelled.is_some() || self.done >= self.job.description.tasks
    }

    /// Checks what can be checked. `known` is a listing of the same job that was checked before:
    /// what is equal in it needs no signature looked at again.
    ///
    /// # Errors
    /// [`IdentityError`] when the creator, a node of this `network`, did not sign it.
    pub fn verify(
        &self,
        network: &Network,
        known: Option<&Listing>,
    ) -> Result<JobId, IdentityError> {
        let job = match known.filter(|known| known.job == self.job) {
            Some(known) => known.id(),
            None => self.job.verify(network)?,
        };
        let is_known = known.is_some_and(|known| known.cancelled == self.cancelled);
        if let Some(signature) = self.cancelled.filter(|_| !is_known) {
            self.job.description.creator.public_key.verify(&cancel_bytes(job), &signature)?;
        }
        Ok(job)
    }

    /// Takes in what another listing of the same job says: the latest of each.
    pub fn merge(&mut self, other: &Listing) {
        self.tenure = self.tenure.max(other.tenure);
        self.done = self.done.max(other.done);
        self.cancelled = self.cancelled.or(other.cancelled);
    }
}

/// The listings as messages carry them: each list fits one.
#[must_use]
pub fn listings(all: impl IntoIterator<Item = Listing>) -> Vec<Listings> {
    let mut lists = Vec::new();
    let (mut list, mut bytes) = (Vec::new(), 0);
    for listing in all {
        let size = codec::encode(&listing).len();
        if list.len() == LISTINGS_MAX || (bytes + size > LISTINGS_BYTES_MAX && !list.is_empty()) {
            lists.push(Bounded::truncating(core::mem::take(&mut list)));
            bytes = 0;
        }
        bytes += size;
        list.push(listing);
    }
    if !list.is_empty() {
        lists.push(Bounded::truncating(list));
    }
    lists
}
