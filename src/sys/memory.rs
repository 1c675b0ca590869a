//! What the allocator does with memory that is no longer needed.

/// A block of this size or more is mapped by itself and goes back to the system when it is freed, in bytes.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 128 * 1024;
/// Heaps of the allocator, which all threads share. Each keeps what was free in it last, and by itself glibc makes eight for each
/// processor: a busy day left 25 MB in them.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// Has large blocks go back to the system at once, and threads share their heaps. The allocator of glibc otherwise raises its
/// threshold with the first large block that is freed, and each thread's arena keeps the next: the 19 MiB of one password
/// hash, in as many arenas as threads have asked. To be called before there are threads.
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    {
        for (name, number) in [(libc::M_MMAP_THRESHOLD, LARGE), (libc::M_ARENA_MAX, ARENAS)] {
            // SAFETY: sets a number of the allocator; nothing else runs yet.
            #[allow(unsafe_code, reason = "a number of the allocator is set")]
            let set = unsafe { libc::mallopt(name, number) };
            if set != 1 {
                log::debug!("the allocator keeps its own number of {name}");
            }
        }
    }
}

/// Gives back to the system what is free in the heaps, after work that took much of them for a time: what it left is in pieces between
/// what stays, and the allocator keeps it otherwise.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: frees nothing that is in use, and takes the locks of the heaps.
        #[allow(unsafe_code, reason = "the allocator is asked to let go")]
        let gave = unsafe { libc::malloc_trim(0) };
        log::debug!("the allocator {}", if gave == 1 { "gave memory back" } else { "had nothing to give back" });
    }
}
