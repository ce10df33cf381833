import { createHash, randomBytes } from 'node:crypto'
import { toPlainError } from '#base'
import type { Cancellable } from '#base'
import { openBackend } from '#backend'
import type { placeTestSchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { reachDestination } from './open-place.ts'

/** A destination that does not answer is told after so many milliseconds: somebody is waiting. */
const patience = 5_000
const stallSeconds = 20

/** Tries a destination with a small file, in a folder of its own there: write, read back, list, take away. */
export async function testPlace(
  services: Services,
  destination: Row<'destinations'>,
  { folder, signal }: Cancellable & { readonly folder?: string | undefined },
): Promise<Omit<z.input<typeof placeTestSchema>, 'objectLock'>> {
  try {
    await using reached = await reachDestination(services, destination, { below: destination.id, folder })
    await using backend = openBackend(reached.location, { ...reached.options, retryLimit: patience, stallSeconds })
    await backend.create({ signal })
    const bytes = randomBytes(1_000)
    // A lock is what every place lets be taken away again.
    const file = { type: 'lock', name: createHash('sha256').update(bytes).digest('hex') } as const
    await backend.write(file, bytes, { signal })
    const isSame = (await backend.read(file, { signal, fresh: true })).equals(bytes)
    let isListed = false
    for await (const { name } of backend.list('lock', { signal })) isListed ||= name === file.name
    await backend.delete(file, { signal })
    if (isSame && isListed) return { works: true, code: null, sentence: 'It took a file and gave it back as it was.' }
    const sentence = isSame ? 'It took a file, and does not list it.' : 'It gave other bytes back than it was given.'
    return { works: false, code: 'COPY_NOT_AS_WRITTEN', sentence }
  } catch (thrown) {
    signal?.throwIfAborted()
    const { code = 'UNEXPECTED', message } = toPlainError(thrown)
    return { works: false, code, sentence: message }
  }
}
