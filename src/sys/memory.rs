//! What the allocator does with memory that is no longer needed.

/// A block of this size or more is mapped by itself and goes back to the system when it is freed, in bytes.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 128 * 1024;

/// Has large blocks go back to the system at once. The allocator of glibc otherwise raises its threshold with the first large
/// block that is freed, and each thread's arena keeps the next: the 19 MiB of one password hash, in as many arenas as
/// threads have asked. To be called before there are threads.
pub fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: sets a number of the allocator; nothing else runs yet.
        #[allow(unsafe_code, reason = "a number of the allocator is set")]
        let set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
        if set != 1 {
            log::debug!("the allocator keeps its own threshold");
        }
    }
}
