import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM texts. */
export interface Certificates {
  ca: string
  cert: string
  key: string
}

/** An authority, and what it signed for `name` at 127.0.0.1, made by openssl as Docker's guide does. */
export async function makeCertificates(directory: string, name: string): Promise<Certificates> {
  const at = (file: string) => join(directory, `${name}-${file}`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-subj',
    `/CN=${name} authority`,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  ])
  await run('openssl', [
    'req',
    ...newKey.slice(0, 4),
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr.pem'),
  ])
  await writeFile(at('ext'), 'subjectAltName=IP:127.0.0.1\n')
  const signed = [
    'x509',
    '-req',
    '-in',
    at('csr.pem'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
  ]
  await run('openssl', [...signed, '-extfile', at('ext'), '-out', at('cert.pem')])
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFile(at(file), 'utf8')),
  )
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' }
}
