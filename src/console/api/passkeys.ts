import { addPasskey, askForPasskey, beginPasskey, signInByPasskey } from './sign-in-calls.ts'
import { send } from './send.ts'

/** Passkeys belong to a name with a certificate, so an address has none; browsers make an exception for localhost. */
export function passkeysWork(hostname: string): boolean {
  if (typeof PublicKeyCredential === 'undefined') return false
  return hostname === 'localhost' || (hostname.includes('.') && !/^[0-9.]+$/.test(hostname))
}

/** Signs in by a passkey. Throws `ApiFailure`s, and what the browser throws when the person would rather not. */
export async function signInWithPasskey(): Promise<void> {
  const options = await send(askForPasskey, {})
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await navigator.credentials.get({ publicKey })
  await send(signInByPasskey, { body: { response: toJson(credential) } })
}

/** Makes a passkey for who is signed in. */
export async function makePasskey(name: string): Promise<void> {
  const options = await send(beginPasskey, {})
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as unknown as PublicKeyCredentialCreationOptionsJSON,
  )
  const credential = await navigator.credentials.create({ publicKey })
  await send(addPasskey, { body: { response: toJson(credential), name } })
}

function toJson(credential: Credential | null): unknown {
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError('The browser gave no passkey.')
  return credential.toJSON()
}
