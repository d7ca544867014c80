//! A plain picture of a node as it is now, for people and tests. Reading it changes nothing.

use alloc::vec::Vec;

use base::NodeId;

use crate::{JobId, JobSummary, Measures, Node, Traffic};

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Who is at its other end.
    pub peer: NodeId,
    /// What the driver calls it.
    pub link: crate::LinkId,
    /// Control bytes that wait for the driver.
    pub control_queued: u64,
    /// Bulk bytes that wait for the driver.
    pub bulk_queued: u64,
}

/// A node as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Who it is.
    pub id: NodeId,
    /// Its start.
    pub epoch: u64,
    /// Whether it is a full member of the ring.
    pub ready: bool,
    /// Counter-clockwise leaf-set members, nearest first.
    pub left: Vec<NodeId>,
    /// Clockwise leaf-set members, nearest first.
    pub right: Vec<NodeId>,
    /// Routing-table entries, each with its row.
    pub table: Vec<(u8, NodeId)>,
    /// Established links.
    pub links: Vec<LinkView>,
    /// Jobs it owns or takes part in.
    pub jobs: Vec<JobSummary>,
    /// What went over its links.
    pub traffic: Traffic,
    /// What it did for jobs.
    pub measures: Measures,
}

impl Node {
    /// A picture of everything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (left, right) = self.overlay.leaf_set();
        let ids = |contacts: &[wire::overlay::Contact]| contacts.iter().map(|c| c.id).collect();
        Snapshot {
            id: self.me,
            epoch: self.config.card.epoch,
            ready: self.is_ready(),
            left: ids(left),
            right: ids(right),
            table: self.overlay.table_rows().map(|(row, _, contact)| (row, contact.id)).collect(),
            links: self.links.iter().map(|(peer, link)| self.link_view(*peer, *link)).collect(),
            jobs: self.jobs(),
            traffic: self.traffic,
            measures: self.measures(),
        }
    }

    fn link_view(&self, peer: NodeId, link: crate::LinkId) -> LinkView {
        let queued = self.sessions.get(&link).map(crate::Session::queued_bytes).unwrap_or_default();
        LinkView { peer, link, control_queued: queued.0 as u64, bulk_queued: queued.1 as u64 }
    }

    /// Whether this node is a full member of the ring.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.overlay.is_ready()
    }

    /// Established links.
    #[must_use]
    pub fn link_count(&self) -> u32 {
        u32::try_from(self.links.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is an established link to this peer.
    #[must_use]
    pub fn is_linked(&self, peer: NodeId) -> bool {
        self.links.contains_key(&peer)
    }

    /// Link slots that are neither taken nor kept for a set-up under way.
    #[must_use]
    pub fn free_slots(&self) -> u64 {
        u64::from(self.config.overlay.links_max).saturating_sub(self.overlay.slots_used())
    }

    /// Jobs it owns or takes part in.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobSummary> {
        self.grid.jobs()
    }

    /// One job.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<JobSummary> {
        self.grid.job(job)
    }

    /// What it did for jobs, by the things that load sharing minimises.
    #[must_use]
    pub fn measures(&self) -> Measures {
        self.grid.measures()
    }

    /// What went over its links.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }
}
