/** The key in an address of an authenticator (`otpauth://totp/…?secret=…`), in groups of four as people type it. */
export function secretIn(uri: string): string {
  const secret = new URL(uri).searchParams.get('secret') ?? ''
  return secret.replace(/(.{4})(?=.)/g, '$1 ')
}
