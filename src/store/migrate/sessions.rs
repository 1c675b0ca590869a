//! Up to version 8 what two boxes know of each other was one record, written whole at every packet. It becomes the first row, which
//! the session itself takes apart when it next changes.

use redb::{ReadableTable, WriteTransaction};

use super::super::SessionRows;
use super::super::schema::{PEERS, Tx, TxResult};

/// The records of the old table, by far box.
pub fn old(txn: &WriteTransaction) -> TxResult<Vec<(String, Vec<u8>)>> {
    let table = txn.open_table(PEERS)?;
    table
        .iter()?
        .map(|row| row.map(|(name, json)| (name.value().to_owned(), json.value().to_vec())))
        .map(|row| Ok(row?))
        .collect()
}

/// Files them as rows.
pub fn file(tx: &mut Tx, old: Vec<(String, Vec<u8>)>) -> TxResult<()> {
    for (name, json) in old {
        let whole = SessionRows::from([((String::new(), 0), json)]);
        tx.put_session_rows(&name, &whole)?;
    }
    Ok(())
}
