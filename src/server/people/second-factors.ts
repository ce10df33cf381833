import { randomInt } from 'node:crypto'
import type { AuthContext } from 'better-auth'
import { symmetricDecrypt, symmetricEncrypt } from 'better-auth/crypto'
import { ServerError } from '../errors.ts'
import { PeopleError } from './errors.ts'
import { isTotpCode, totpUri } from './totp.ts'

/**
 * Second factors of people who are known already: set up, shown, taken away. Signing in with one is better-auth's; both read
 * the same rows, so what is counted as wrong here counts there.
 */

/** As better-auth keeps it, sealed with its secret. */
interface SecondFactor {
  readonly id: string
  readonly secret: string
  /** JSON, sealed. */
  readonly backupCodes: string
  /** False until a first code was right. */
  readonly verified: boolean | null
  readonly lockedUntil: Date | null
}

export interface NewSecondFactor {
  readonly uri: string
  readonly recoveryCodes: readonly string[]
}

/** What of better-auth is needed for it. */
interface AuthData {
  readonly adapter: Pick<
    AuthContext['adapter'],
    'findOne' | 'create' | 'update' | 'updateMany' | 'deleteMany' | 'incrementOne'
  >
  readonly internalAdapter: Pick<AuthContext['internalAdapter'], 'updateUser'>
  readonly secretConfig: AuthContext['secretConfig']
}

const model = 'twoFactor'
const issuer = 'Understudy'
const recoveryCodes = 10
/** Wrong codes in a row, and for how long none is looked at then: as better-auth does, whose counter it is. */
const mostWrong = 10
const lockedFor = 15 * 60_000

export class SecondFactors {
  readonly #context: () => Promise<AuthData>

  constructor(context: () => Promise<AuthData>) {
    this.#context = context
  }

  async state(personId: string): Promise<{ readonly isSetUp: boolean; readonly recoveryCodesLeft: number }> {
    const row = await this.#find(personId)
    if (!row || row.verified === false) return { isSetUp: false, recoveryCodesLeft: 0 }
    return { isSetUp: true, recoveryCodesLeft: (await this.#codesOf(row)).length }
  }

  /** Makes one; it counts when a first code was right. Throws `STATE_WRONG` where there is one. */
  async begin(personId: string, email: string): Promise<NewSecondFactor> {
    const { adapter } = await this.#context()
    const before = await this.#find(personId)
    if (before && before.verified !== false) {
      throw new ServerError('STATE_WRONG', { what: 'second factor', state: 'set up already' })
    }
    const secret = randomText(32)
    const codes = newRecoveryCodes()
    const made = {
      secret: await this.#seal(secret),
      backupCodes: await this.#seal(JSON.stringify(codes)),
      verified: false,
    }
    if (before) await adapter.update({ model, where: [{ field: 'id', value: before.id }], update: made })
    else await adapter.create({ model, data: { ...made, userId: personId } })
    return { uri: totpUri(secret, issuer, email), recoveryCodes: codes }
  }

  /** From now on it is asked for at each sign-in. Throws `SECOND_FACTOR_CODE_WRONG`, `SECOND_FACTOR_LOCKED`, `STATE_WRONG`. */
  async confirm(personId: string, code: string): Promise<void> {
    const { adapter, internalAdapter } = await this.#context()
    const row = await this.#find(personId)
    if (row?.verified !== false) {
      throw new ServerError('STATE_WRONG', { what: 'second factor', state: row ? 'set up already' : 'not begun' })
    }
    await this.#count(row, async () => isTotpCode(await this.#open(row.secret), code, Date.now()))
    await adapter.update({ model, where: [{ field: 'id', value: row.id }], update: { verified: true } })
    await internalAdapter.updateUser(personId, { twoFactorEnabled: true })
  }

  /**
   * Makes sure that a code is one of this moment, or a recovery code, which then is used up. Who has no second factor needs
   * none. Throws `SECOND_FACTOR_CODE_WRONG`, `SECOND_FACTOR_LOCKED`.
   */
  async check(personId: string, code: string | undefined): Promise<void> {
    const row = await this.#find(personId)
    if (!row || row.verified === false) return
    if (code === undefined) throw new PeopleError('SECOND_FACTOR_CODE_WRONG')
    await this.#count(row, async () => {
      return isTotpCode(await this.#open(row.secret), code, Date.now()) || (await this.#useRecoveryCode(row, code))
    })
  }

  /** Those before open nothing more. Throws `STATE_WRONG`. */
  async renewRecoveryCodes(personId: string): Promise<readonly string[]> {
    const { adapter } = await this.#context()
    const row = await this.#find(personId)
    if (!row || row.verified === false)
      throw new ServerError('STATE_WRONG', { what: 'second factor', state: 'not set up' })
    const codes = newRecoveryCodes()
    const update = { backupCodes: await this.#seal(JSON.stringify(codes)) }
    await adapter.update({ model, where: [{ field: 'id', value: row.id }], update })
    return codes
  }

  async remove(personId: string): Promise<void> {
    const { adapter, internalAdapter } = await this.#context()
    await internalAdapter.updateUser(personId, { twoFactorEnabled: false })
    await adapter.deleteMany({ model, where: [{ field: 'userId', value: personId }] })
  }

  /** Counts as wrong until it has shown to be right: codes that are sent at once get no further than one after the other. */
  async #count(row: SecondFactor, isRight: () => Promise<boolean>): Promise<void> {
    const { adapter } = await this.#context()
    const left = row.lockedUntil === null ? 0 : new Date(row.lockedUntil).getTime() - Date.now()
    if (left > 0) throw new PeopleError('SECOND_FACTOR_LOCKED', { seconds: Math.ceil(left / 1000) })
    const where = [{ field: 'id', value: row.id }]
    const increment = { failedVerificationCount: 1 }
    const counted = await adapter.incrementOne<{ failedVerificationCount?: number }>({ model, where, increment })
    const wrong = counted?.failedVerificationCount ?? 0
    if (wrong <= mostWrong && (await isRight())) {
      await adapter.update({ model, where, update: { failedVerificationCount: 0, lockedUntil: null } })
      return
    }
    if (wrong >= mostWrong) {
      const update = { failedVerificationCount: 0, lockedUntil: new Date(Date.now() + lockedFor) }
      await adapter.update({ model, where, update })
    }
    throw new PeopleError('SECOND_FACTOR_CODE_WRONG')
  }

  async #useRecoveryCode(row: SecondFactor, code: string): Promise<boolean> {
    const { adapter } = await this.#context()
    const codes = await this.#codesOf(row)
    if (!codes.includes(code)) return false
    const update = { backupCodes: await this.#seal(JSON.stringify(codes.filter((one) => one !== code))) }
    // Of two who use one at the same time, one finds the codes changed.
    const where = [{ field: 'id', value: row.id } as const, { field: 'backupCodes', value: row.backupCodes } as const]
    return (await adapter.updateMany({ model, where, update })) > 0
  }

  async #find(personId: string): Promise<SecondFactor | null> {
    const { adapter } = await this.#context()
    return await adapter.findOne<SecondFactor>({ model, where: [{ field: 'userId', value: personId }] })
  }

  async #codesOf({ backupCodes }: SecondFactor): Promise<readonly string[]> {
    return JSON.parse(await this.#open(backupCodes)) as string[]
  }

  async #seal(data: string): Promise<string> {
    return await symmetricEncrypt({ key: (await this.#context()).secretConfig, data })
  }

  async #open(data: string): Promise<string> {
    return await symmetricDecrypt({ key: (await this.#context()).secretConfig, data })
  }
}

/** Letters and digits that no one takes for another. */
const alphabet = 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}

function newRecoveryCodes(): string[] {
  return Array.from({ length: recoveryCodes }, () => `${randomText(5)}-${randomText(5)}`)
}
