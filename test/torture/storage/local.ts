import type { Storage } from './index.ts'

/** A folder. */
export async function localStorage(folder: string): Promise<Storage> {
  const path = `${folder}/repository`
  return { kind: 'local', folder: path, location: path, [Symbol.asyncDispose]: async () => undefined }
}
