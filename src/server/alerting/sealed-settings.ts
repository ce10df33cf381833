import type { Kysely } from 'kysely'
import { alertSettingsSchema, readWith } from '#protocol'
import type { AlertSettings } from '#protocol'
import { ServerError } from '../errors.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Tables } from '../store/tables.ts'
import { readDocument, writeDocument } from './documents.ts'

const settingsName = 'settings'
const purpose = 'alert settings'

/** Channels, people and times of the alerts. They hold passwords and addresses that are secrets: all of it is sealed. */
export class SealedAlertSettings {
  readonly #db: Kysely<Tables>
  readonly #sealer: Sealer

  constructor(db: Kysely<Tables>, sealer: Sealer) {
    this.#db = db
    this.#sealer = sealer
  }

  /** Throws `SECRET_DAMAGED`. */
  async load(): Promise<AlertSettings> {
    return this.#open((await readDocument(this.#db, settingsName)).value)
  }

  /**
   * Changes them by `change`, again on what somebody else has saved meanwhile. Throws `INPUT_INVALID` when they do not fit
   * together afterwards, and what `change` throws; then they are as before.
   */
  async change(change: (settings: AlertSettings) => unknown): Promise<AlertSettings> {
    for (;;) {
      const { value, revision } = await readDocument(this.#db, settingsName)
      const changed = check(change(this.#open(value)))
      const sealed = this.#sealer.seal(purpose, JSON.stringify(changed))
      if (await writeDocument(this.#db, settingsName, { value: sealed, revision })) return changed
    }
  }

  #open(value: string | undefined): AlertSettings {
    return alertSettingsSchema.parse(value === undefined ? {} : JSON.parse(this.#sealer.open(purpose, value)))
  }
}

/** Sentences about `channels.3` would say nothing to who has sent one channel. */
function check(settings: unknown): AlertSettings {
  const read = readWith(alertSettingsSchema, settings)
  if (!read.mistakes) return read.value
  const sentences = read.mistakes.map(({ at, sentence }) => {
    const name = at.split('.').slice(2).join('.')
    return (name === '' ? '' : `"${name}": `) + sentence.replace(/\.$/, '')
  })
  throw new ServerError('INPUT_INVALID', { part: 'body', reason: sentences.join('; ') })
}
