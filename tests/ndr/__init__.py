"""The generated codecs against a marshaller written for nothing but being obvious."""
