//! Up to version 8 what two boxes know of each other was one record, written whole at every packet. It becomes the first row, which
//! the session itself takes apart when it next changes.

use redb::WriteTransaction;

use crate::store::SessionRows;
use crate::store::schema::{PEERS, Readable, Tx, TxResult};

/// Files the records of the old table as rows.
pub fn rows(tx: &mut Tx, txn: &WriteTransaction) -> TxResult<()> {
    for row in PEERS.open(txn)?.iter()? {
        let (name, record) = row?;
        let whole = SessionRows::from([((String::new(), 0), record.value().to_vec())]);
        tx.put_session_rows(name.value(), &whole)?;
    }
    Ok(())
}
