/** Which machine wrote which lock: only that one may delete it. Survives a restart of the server. */
export interface LockOwners {
  record(repository: string, lock: string, machine: string): Promise<void>
  /** The machine that wrote the lock through the endpoint; undefined for all other locks (the server's own). */
  ownerOf(repository: string, lock: string): Promise<string | undefined>
  forget(repository: string, lock: string): Promise<void>
}
