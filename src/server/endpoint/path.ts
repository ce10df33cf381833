import { type FileRef, type FileType, folders, isValidName } from '#backend'

/** What a path of the endpoint names (restic: doc/REST_backend.rst). */
export type Target =
  | { readonly kind: 'repository' }
  | { readonly kind: 'listing'; readonly type: Exclude<FileType, 'config'> }
  | { readonly kind: 'file'; readonly file: FileRef }

export interface EndpointPath {
  readonly repository: string
  readonly target: Target
}

const types = new Map(Object.entries(folders).map(([type, folder]) => [folder, type as Exclude<FileType, 'config'>]))

/** Ids are made by the server. They become the name of a folder, so nothing else is one. */
const repositoryPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/

/** True for what may name a repository, as part of a path and as a folder. */
export function isRepositoryId(text: string): boolean {
  return repositoryPattern.test(text)
}

/**
 * Reads what stands behind the prefix in a request's own bytes, `<repository>/data/<name>` for example. Nothing is decoded
 * or normalised: whatever is not written exactly as restic and we write it is no path, and undefined is returned.
 */
export function parseEndpointPath(path: string): EndpointPath | undefined {
  const [repository = '', ...rest] = path.split('/')
  if (!isRepositoryId(repository)) return undefined
  const target = parseTarget(rest)
  return target && { repository, target }
}

function parseTarget([first, name, ...more]: readonly string[]): Target | undefined {
  if (first === undefined || more.length > 0) return undefined
  if (name === undefined) {
    if (first === '') return { kind: 'repository' }
    return first === 'config' ? { kind: 'file', file: { type: 'config', name: '' } } : undefined
  }
  const type = types.get(first as (typeof folders)[keyof typeof folders])
  if (!type) return undefined
  if (name === '') return { kind: 'listing', type }
  return isValidName(type, name) ? { kind: 'file', file: { type, name } } : undefined
}
