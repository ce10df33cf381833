/**
 * The repository endpoint: the server's repositories over restic's REST protocol, for machines and stock restic.
 *
 * An *upload* lies in the *spool* until it is whole and hashes to its name; then the *storage* (a folder, or any backend) takes
 * it. A *credential* sees one repository, adds and reads, and deletes nothing but the locks of its machine. What the server's own
 * retention and prune delete is *set aside* in a *quarantine* and purged by age.
 */
export { BackendStorage, type BackendStorageOptions } from './backend-storage.ts'
export type { Credential } from './credential.ts'
export { type EndpointLimits, type EndpointOptions, RepositoryEndpoint, countBytes } from './endpoint.ts'
export { EndpointError, endpointErrors } from './errors.ts'
export { FolderStorage, type FolderStorageOptions } from './folder-storage.ts'
export type * from './hooks.ts'
export type { LockOwners } from './lock-owners.ts'
export { dayOf, type Purged, type Quarantine, type SetAsideFile } from './quarantine.ts'
export type { EndpointStorage } from './storage.ts'
export type { Tombstones } from './tombstones.ts'
export { Uploads } from './uploads.ts'
export { Usage } from './usage.ts'
export { type Attempt, WrongCredentials } from './wrong-credentials.ts'
