//! Which node of a cluster owns a device: the one that runs its session and may write for it.
//!
//! Rule: each change of the owner gives the device a higher epoch than any device had before; what was sent in an
//! earlier epoch is refused where it is applied, so an owner that was replaced writes nothing more, whatever it still
//! believes.

use modehost_ids::DeviceId;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::writer::{Applied, WriteContext};
use super::{SqliteStorage, signed, unsigned};
use crate::limits;
use crate::reply::Reply;
use crate::traits::{Claim, NodeId, Owner, Ownership};

impl Ownership for SqliteStorage {
    fn claim(&self, device: &DeviceId, node: &NodeId, from: Option<&NodeId>) -> Reply<Claim> {
        self.execute(ClaimDevice { device: device.clone(), node: node.clone(), from: from.cloned() })
    }

    fn owner(&self, device: &DeviceId) -> Reply<Option<Owner>> {
        let device = device.clone();
        self.read(move |connection| Ok(find(connection, &device)?))
    }

    fn unserved(&self, nodes: Vec<NodeId>) -> Reply<Vec<(DeviceId, Option<NodeId>)>> {
        self.read(move |connection| {
            let statement = "SELECT device, node FROM sessions LEFT JOIN owners USING (device)
                 WHERE unfinished = 1 ORDER BY device";
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((), |row| {
                let node: Option<String> = row.get(1)?;
                Ok((DeviceId::new(row.get::<_, String>(0)?), node.map(NodeId::new)))
            })?;
            let mut unserved = Vec::new();
            for row in rows {
                let (device, node) = row?;
                if !node.as_ref().is_some_and(|node| nodes.contains(node)) {
                    unserved.push((device, node));
                }
            }
            Ok(unserved)
        })
    }
}

/// A node takes over a device. A claim by its present owner changes nothing.
#[derive(Serialize, Deserialize)]
pub(super) struct ClaimDevice {
    device: DeviceId,
    node: NodeId,
    /// Only if this node owns it.
    from: Option<NodeId>,
}

impl Command for ClaimDevice {
    const KIND: u16 = 17;
    type Output = Claim;

    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<Claim> {
        let connection = context.connection;
        let owner = find(connection, &self.device)?;
        if let Some(owner) = owner {
            if owner.node == self.node {
                return Ok(Claim::Owned(owner.epoch));
            }
            if self.from.as_ref().is_some_and(|from| *from != owner.node) {
                return Ok(Claim::OwnedBy(owner));
            }
        }
        let next = "UPDATE replication SET epoch = epoch + 1 RETURNING epoch";
        let epoch = unsigned(connection.prepare_cached(next)?.query_row((), |row| row.get(0))?);
        let statement = "INSERT INTO owners (device, node, epoch) VALUES (?1, ?2, ?3)
             ON CONFLICT (device) DO UPDATE SET node = excluded.node, epoch = excluded.epoch";
        let row = (self.device.as_str(), self.node.as_str(), signed(epoch));
        connection.prepare_cached(statement)?.execute(row)?;
        // Anybody can present any number of device ids. A device that loses its owner by this claims anew.
        connection
            .prepare_cached("DELETE FROM owners WHERE epoch <= ?1")?
            .execute([signed(epoch.saturating_sub(limits::OWNERS))])?;
        let owner = Owner { node: self.node.clone(), epoch };
        context.applied(|| Applied::Owner(self.device.clone(), Some(owner)));
        Ok(Claim::Owned(epoch))
    }
}

fn find(connection: &Connection, device: &DeviceId) -> rusqlite::Result<Option<Owner>> {
    connection
        .prepare_cached("SELECT node, epoch FROM owners WHERE device = ?1")?
        .query_row([device.as_str()], |row| {
            Ok(Owner { node: NodeId::new(row.get::<_, String>(0)?), epoch: unsigned(row.get(1)?) })
        })
        .optional()
}

/// The device has no owner any more.
pub(super) fn forget(context: &mut WriteContext<'_>, device: &DeviceId) -> rusqlite::Result<()> {
    context.connection.prepare_cached("DELETE FROM owners WHERE device = ?1")?.execute([device.as_str()])?;
    context.applied(|| Applied::Owner(device.clone(), None));
    Ok(())
}
