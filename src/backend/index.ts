/**
 * Where the bytes of a repository lie.
 *
 * A *backend* stores *files*, each of one *type* (config, key, lock, snapshot, index, pack) and with a *name* that is
 * the SHA-256 of its content (`config` has none). Files are written once, whole, and never changed. What every backend
 * promises stands in `backend.ts`; `conformance.ts` proves it for each. A *location* is the text by which people name
 * the place of a repository. Retrying, watching, bounding and caching are *wrappers*: backends around a backend.
 */
export type * from './backend.ts'
export { fileTypes } from './backend.ts'
export { CacheBackend, type CacheOptions } from './cache.ts'
export { type ListedCache, listCaches, removeCache, sizeOfCache, temporaryCachePrefix } from './cache-list.ts'
export { defaultCacheFolder } from './cache-folder.ts'
export { ConnectionsBackend } from './connections.ts'
export { syncStored } from './durable-write.ts'
export { BackendError, backendErrors } from './errors.ts'
export { fileError } from './file-errors.ts'
export { FolderSync, syncLocalFolder } from './folder-sync.ts'
export { type Fault, type FaultKind, FaultyBackend, type FaultyMethod, type LoggedCall } from './faulty.ts'
export { folders, isValidName, layoutPath, longestFile } from './layout.ts'
export { RateLimit, type RateLimits } from './limit.ts'
export { listFolders } from './list-folders.ts'
export { LocalBackend, type LocalOptions } from './local.ts'
export type { Admit, AdmittedAddress } from './http-client.ts'
export { systemFiles } from './local-files.ts'
export { displayLocation, type Location, parseLocation } from './location.ts'
export { MemoryBackend } from './memory.ts'
export { openBackend, type OpenBackendOptions, type SshOptions } from './open.ts'
export { S3Backend, type S3BackendOptions } from './s3.ts'
export { ObjectLock, type S3Lock } from './s3-object-lock.ts'
export type { S3Options } from './s3-connection.ts'
export { RestBackend, type RestOptions } from './rest.ts'
export type { CreateThreadReader, ThreadReader } from './local-thread.ts'
export { type Retry, RetryBackend, type RetryOptions } from './retry.ts'
export { SftpBackend, type SftpOptions } from './sftp.ts'
export { tamperWith, type Tampered, type TamperOptions } from './tamper.ts'
export type { TlsOptions } from './tls-files.ts'
export { WatchdogBackend, type WatchdogOptions } from './watchdog.ts'
