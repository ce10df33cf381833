import type { Cancellable } from '#base'
import type { Backend, FileType } from '#backend'
import { CliError } from './errors.ts'

/** `index` is its own plural, as `list` has it. */
export function objectNotFound(type: string, start: string): CliError {
  return new CliError('OBJECT_NOT_FOUND', { type, start, plural: type === 'index' ? type : `${type}s` })
}

/** The one file of a type whose name begins so. Throws `OBJECT_NOT_FOUND`, `OBJECT_AMBIGUOUS`. */
export async function findFile(
  backend: Backend,
  type: FileType,
  start: string,
  { signal }: Cancellable = {},
): Promise<string> {
  const found: string[] = []
  for await (const { name } of backend.list(type, { signal })) {
    if (start !== '' && name.startsWith(start)) found.push(name)
  }
  if (found.length > 1) throw new CliError('OBJECT_AMBIGUOUS', { type, start })
  if (found[0] === undefined) throw objectNotFound(type, start)
  return found[0]
}
